/** Misspelt fields of buffers and gaps: each would silently leave out an alignment, a fixed offset or a gap. */
import { describe, expect, it } from 'vitest';
import { createProblem } from '../../src/problem/problem.js';
import { expectError } from '../support/expect-error.js';

const buffer = { size: 64, start: 0, end: 4 };
const problemOf = (extra: object, gaps?: unknown): unknown =>
  createProblem([{ ...buffer, ...extra, ...(gaps === undefined ? {} : { gaps: gaps as never }) }]);

describe('an unknown field', () => {
  it.each([
    ['aligment', 'alignment'],
    ['allignment', 'alignment'],
    ['align', 'alignment'],
    ['fixedoffset', 'fixedOffset'],
    ['offset', 'fixedOffset'],
    ['gap', 'gaps'],
    ['Name', 'name'],
  ])('%s is refused, with %s in its place', (field, meant) => {
    const error = expectError('BAD_BUFFER', `${field} of buffer 0`, () => problemOf({ [field]: 32 }));
    expect(error.message).toContain(`There is no field \`${field}\` of buffer 0, but there is \`${meant}\`.`);
  });

  it('is refused whatever it is called, and names the buffer by its name', () => {
    expectError('BAD_BUFFER', 'colour of buffer weights', () => problemOf({ name: 'weights', colour: 'red' }));
  });

  it('is refused in gaps', () => {
    expectError('BAD_BUFFER', 'lowr of a gap of buffer 0', () => problemOf({}, [{ start: 1, end: 2, lowr: 8 }]));
    const error = expectError('BAD_BUFFER', '0 of a gap of buffer 0', () => problemOf({}, [[1, 3]]));
    expect(error.remedy).toBe('The fields are start, end, lower, upper.');
  });

  it('is not one that a class inherits', () => {
    class Owned {
      readonly size = 8;
      readonly start = 0;
      readonly end = 1;
      get owner(): string {
        return 'me';
      }
    }
    expect(createProblem([new Owned()]).bufferCount).toBe(1);
  });
});

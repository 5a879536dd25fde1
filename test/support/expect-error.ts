/** One way to say which error a call must throw, with every field sensible. */
import { expect } from 'vitest';
import { PlannerError, type ErrorCode } from '../../src/errors.js';

/** Runs `call`, checks that it throws a complete `PlannerError` of `code` about `culprit`, and returns the error. */
export function expectError(code: ErrorCode, culprit: string | RegExp, call: () => unknown): PlannerError {
  let thrown: unknown = null;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(PlannerError);
  const error = thrown as PlannerError;
  expect(`${error.code} ${error.culprit}`).toMatch(typeof culprit === 'string' ? `${code} ${culprit}` : culprit);
  expect(error.code).toBe(code);
  expect(error.value).not.toBeUndefined();
  expect(error.limit).not.toBe('');
  expect(error.remedy).toMatch(/^[A-Z].*\.$/);
  expectSentence(error);
  return error;
}

/** What a person would say: sentences that name the culprit, with no trace of how the program prints things. */
export function expectSentence({ code, culprit, remedy, message }: PlannerError): void {
  expect(message).toMatch(/^([A-Z`"]|\w+: |tensors\[)/);
  expect(message.endsWith(`. ${remedy}`), message).toBe(true);
  expect(remedy).toMatch(/^[A-Z].*\.$/s);
  expect(message.replaceAll('`', '').toLowerCase()).toContain(culprit.toLowerCase());
  expect(message).not.toMatch(/\[object|undefined (is|are)|\(\)\s*=>|NaN bytes/);
  expect(message).not.toContain(code);
  expect(message.length).toBeLessThan(900);
}

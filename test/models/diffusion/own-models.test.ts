/** Whatever numbers a model is given, it is measured, or a `PlannerError` says what does not fit. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PlannerError } from '../../../src/errors.js';
import { DIFFUSION_MODELS, measureDiffusion, type DiffusionModel } from '../../../src/models/diffusion/index.js';
import { expectSentence } from '../../support/expect-error.js';

/** The paths of all numbers, flags and lists of a model. */
function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inside = Object.entries(value).flatMap(([key, each]) => pathsOf(each, [...path, key]));
  return Array.isArray(value) ? [path, ...inside] : inside;
}

/** A copy of `value` with something else at a path. */
function replaced(value: unknown, [key, ...rest]: readonly string[], other: unknown): unknown {
  if (key === undefined) return other;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, other);
  return copy;
}

/** A known model with one of its numbers changed. */
const strangeModels = fc
  .constantFrom(...Object.values(DIFFUSION_MODELS))
  .chain((model) =>
    fc.tuple(
      fc.constant(model),
      fc.constantFrom(...pathsOf(model)),
      fc.constantFrom<unknown>(
        0,
        1,
        2,
        3,
        7,
        64,
        1000,
        2 ** 31,
        2 ** 53 - 1,
        2 ** 53,
        -1,
        0.5,
        true,
        null,
        'x',
        [],
        [1],
      ),
    ),
  );

it('measures or refuses models of strange numbers', () => {
  fc.assert(
    fc.property(strangeModels, ([model, path, other]) => {
      try {
        const strange = replaced(model, path, other) as DiffusionModel;
        const { encoders, diffusion, vae } = measureDiffusion({ model: strange, width: 8, height: 8 });
        const { decode, decodeTiled, encode, encodeTiled } = vae;
        for (const part of [...encoders, ...diffusion, decode, decodeTiled, encode, encodeTiled]) {
          expect(Number.isSafeInteger(part.total)).toBe(true);
        }
      } catch (error) {
        if (!(error instanceof PlannerError)) throw error;
        expectSentence(error);
      }
    }),
    { numRuns: 60 },
  );
});

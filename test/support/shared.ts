/**
 * Tests that need the data of `shared-data.ts`.
 *
 * Invariant: such a test either runs or says that it was skipped; under `CI=true` absent data is a failure, so a green
 * run there has seen every graph.
 */
import { describe, it } from 'vitest';
import { SHARED_ROOT, sharedIsPresent } from './shared-data.js';

export * from './shared-data.js';

/** Every fifth of recorded things, which are sorted so that this takes all models and phases; all in `npm run test:recorded`. */
export function partOf<T>(recorded: readonly T[]): readonly T[] {
  return process.env.RECORDED === 'all' ? recorded : recorded.filter((_, index) => index % 5 === 0);
}

/** `describe` for tests that need the shared data: skipped with a reason when it is absent, failed if `CI=true`. */
export function describeShared(name: string, tests: () => void): void {
  if (sharedIsPresent) {
    describe(name, tests);
  } else if (process.env.CI === 'true') {
    describe(name, () => {
      it('finds its data', () => {
        throw new Error(`CI needs the shared test data, but ${SHARED_ROOT} has none.`);
      });
    });
  } else {
    describe.skip(`${name} [skipped: no test data in ../shared]`, tests);
  }
}

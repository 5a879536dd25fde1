/** As `expectError`, for calls that may reject, by their message. */
import { expect } from 'vitest';
import type { ErrorCode } from '../../src/errors.js';
import { expectError } from './expect-error.js';

/** Runs `call`, and checks that it throws or rejects with a complete `PlannerError` whose message is like `message`. */
export async function expectRefusal(code: ErrorCode, call: () => unknown, message: RegExp): Promise<void> {
  let thrown: unknown = null;
  try {
    await call();
  } catch (error) {
    thrown = error;
  }
  const error = expectError(code, /./, () => {
    throw thrown;
  });
  expect(error.message).toMatch(message);
}

/** Types as an ES module sees them. */
import { createProblem, PlannerError, type ErrorCode, type Problem } from 'tensor-arena';

const problem: Problem = createProblem([{ size: 64, start: 0, end: 2, alignment: 32 }]);
export const sizes: Float64Array = problem.sizes;
export const codeOf = (error: unknown): ErrorCode | undefined =>
  error instanceof PlannerError ? error.code : undefined;
// @ts-expect-error: a buffer without a size is no buffer.
createProblem([{ start: 0, end: 2 }]);

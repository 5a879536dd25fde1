/** An ES module that uses the installed package. */
import assert from 'node:assert/strict';
import { createProblem, PlannerError } from 'tensor-arena';

const problem = createProblem([{ size: 64, start: 0, end: 2 }]);
assert.equal(problem.bufferCount, 1);
assert.throws(() => createProblem([{ size: -1, start: 0, end: 2 }]), PlannerError);

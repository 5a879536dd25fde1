/** Types as an ES module sees them, without any of browsers or of Node. */
import { createProblem, PlannerError, type ErrorCode, type Graph, type Problem } from 'tensor-arena';
import { readGguf, type Gguf } from 'tensor-arena/gguf';
import type { OperationName, RopeOptions } from 'tensor-arena/ggml';
import { executeGraph, Memory } from 'tensor-arena/exec';
import { memoryMapOf, type MemoryMap } from 'tensor-arena/map';
import { measureModel, type ModelSizes } from 'tensor-arena/models';
import { solve, verifyPlacement, type BufferSpec, type Solution, type SolveProgress } from 'tensor-arena/solver';
import { arbitraryProblem } from 'tensor-arena/testing';
import { humanBytes, renderMapHtml, serveMap, type ServedMap } from 'tensor-arena/viewer';

const problem: Problem = createProblem([{ size: 64, start: 0, end: 2, alignment: 32 }]);
export const sizes: Float64Array = problem.sizes;
export const codeOf = (error: unknown): ErrorCode | undefined =>
  error instanceof PlannerError ? error.code : undefined;
export const header: Promise<Gguf> = readGguf(new Uint8Array(8));
export const sizesOf = async (): Promise<ModelSizes> => measureModel(await header, { flashAttention: 'auto' });
export const rope: RopeOptions = { mode: 'neox' };
export const operation: OperationName = 'RMS_NORM';
export const map: MemoryMap = memoryMapOf(problem, solve(problem));
export const run = (graph: Graph): void => executeGraph(graph, Memory.separate(graph));
const buffers: readonly BufferSpec[] = [{ size: 64, start: 0, end: 2, gaps: [{ start: 1, end: 2 }] }];
const onProgress = ({ bufferSize, effort }: SolveProgress): void => void [bufferSize, effort];
// A problem of one entry point is a problem of the other.
export const solution: Solution = solve(createProblem(buffers), { maxEffort: 100, onProgress });
export const violations: number = verifyPlacement(problem, solution).length;
export const page: string = renderMapHtml(map, { title: humanBytes(1024) });
export const served: ServedMap = serveMap(map);
export const problems = arbitraryProblem({ maxMoves: 4 });
// @ts-expect-error: a buffer without a size is no buffer.
createProblem([{ start: 0, end: 2 }]);

/**
 * Values for the tensors that a graph reads but does not compute: the same for the same seed, in every memory.
 *
 * Invariant: floats lie in [-1, 1); integers that name rows, directly or through copies, are below the row count of
 * every tensor that they are used on.
 */
import { checkArgument } from '../../errors.js';
import { checkGraph, type Graph } from '../../graph/graph.js';
import { arrivesAtItsStep } from '../../graph/node-kind.js';
import { ADD_ID } from '../../dialects/ggml/ops/arithmetic.js';
import { MUL_MAT_ID } from '../../dialects/ggml/ops/matrix.js';
import { CONCAT, CONT, CPY, DUP, GET_ROWS, REPEAT, SET, SET_ROWS } from '../../dialects/ggml/ops/memory.js';
import { SSM_SCAN } from '../../dialects/ggml/ops/recurrence.js';
import { ROLL } from '../../dialects/ggml/ops/resampling.js';
import { GET_ROWS_BACK } from '../../dialects/ggml/ops/training.js';
import type { Schedule } from '../../schedule/schedule.js';
import type { Operation } from '../../tensor/operation.js';
import { elementCount } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import { checkMemory, type Memory } from './memory.js';

/** The number of rows that the operand `ids` of an operation can name. */
const ROW_COUNTS = new Map<Operation, (node: Tensor) => number>([
  [GET_ROWS, ({ sources }) => sources[0]!.ne[1]],
  [GET_ROWS_BACK, ({ ne }) => ne[1]],
  [SET_ROWS, ({ ne }) => ne[1]],
  [MUL_MAT_ID, ({ sources }) => sources[0]!.ne[2]],
  [ADD_ID, ({ sources }) => sources[1]!.ne[1]],
  [SSM_SCAN, ({ sources }) => sources[0]!.ne[3]],
]);

/** The slots whose elements an operation passes on as they are. */
const COPIED_SLOTS = new Map<Operation, readonly number[]>([
  [CPY, [0]],
  [CONT, [0]],
  [DUP, [0]],
  [REPEAT, [0]],
  [ROLL, [0]],
  [GET_ROWS, [0]],
  [CONCAT, [0, 1]],
  [SET, [0, 1]],
]);

/** Integers that name nothing stay below this. */
const OTHER_INTEGERS = 8;

/** @throws PlannerError `BAD_ARGUMENT` */
export function checkSeed(seed: number): void {
  checkArgument(Number.isSafeInteger(seed), 'seed', seed, 'a safe integer', 'Leave it out for 1.');
}

/**
 * Fills every leaf, and every node that is marked as an input. Immediate tensors keep their values. Nodes without an
 * operation get their values at their steps.
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function fillLeafs(graph: Graph, memory: Memory, seed = 1): void {
  checkGraph(graph);
  checkMemory(memory);
  checkSeed(seed);
  fillAs(graph, seed, memory, (leaf) => leaf);
}

/**
 * Fills the memory of a schedule's graph with the values that {@link fillLeafs} gives to the graph that was spread, and
 * has what crosses between devices copied when its turn comes.
 *
 * @param graph the graph that was spread
 * @param memory of `schedule.graph`
 * @throws PlannerError `BAD_ARGUMENT`, `DANGLING_TENSOR`
 */
export function fillSchedule(graph: Graph, schedule: ExecutableSchedule, memory: Memory, seed = 1): void {
  checkGraph(graph);
  checkGraph((schedule as Partial<ExecutableSchedule> | null)?.graph);
  checkMemory(memory);
  checkSeed(seed);
  const standIns = new Map<Tensor, Tensor>();
  schedule.graph.tensors.forEach((tensor, id) => {
    if (schedule.standsFor[id] !== -1) standIns.set(graph.tensors[schedule.standsFor[id]], tensor);
  });
  fillAs(graph, seed, memory, (leaf) => standIns.get(leaf) ?? leaf);
  for (const { at, from, tensor, index } of schedule.copies) {
    if (at !== null && from !== null && index === 0) memory.copyAt(at, from, tensor);
  }
}

/** What it takes to run a schedule. */
export type ExecutableSchedule = Pick<Schedule, 'graph' | 'copies' | 'standsFor'>;

/** Gives what stands for each leaf of `graph` the values of that leaf. */
function fillAs(graph: Graph, seed: number, memory: Memory, standIn: (leaf: Tensor) => Tensor): void {
  const limits = indexLimits(graph);
  const late = new Set(graph.nodes.filter((node) => arrivesAtItsStep(node, graph)));
  const inputs = [...graph.leafs, ...graph.nodes.filter((node) => graph.inputs.has(node)), ...late];
  inputs.forEach((leaf, index) => {
    if (leaf.isView || leaf.bytes !== null) return;
    const random = randomNumbers(seed * 7919 + index);
    const isInteger = leaf.type.name.startsWith('i');
    const limit = limits.get(leaf) ?? OTHER_INTEGERS;
    const next = (): number => (isInteger ? Math.floor(random() * limit) : random() * 2 - 1);
    const values = Float64Array.from({ length: elementCount(leaf) }, next);
    const filled = standIn(leaf);
    if (late.has(leaf)) {
      memory.keepFor(filled, values);
    } else {
      memory.write(filled, values);
      memory.poisonTail(filled);
    }
  });
}

/**
 * The number of rows that the integers of each storage may name, directly or through copies. Readers are visited before
 * the tensors that they read.
 */
function indexLimits({ nodes }: Graph): Map<Tensor, number> {
  const limits = new Map<Tensor, number>();
  const limitTo = (rows: number, ids: Tensor | null | undefined): void => {
    if (ids) limits.set(ids.root, Math.min(rows, limits.get(ids.root) ?? Infinity));
  };
  for (const node of [...nodes].reverse()) {
    const { operation, root, sources } = node;
    if (operation === null) continue;
    const rows = ROW_COUNTS.get(operation);
    if (rows !== undefined) limitTo(rows(node), sources[operation.operands.indexOf('ids')]);
    const limit = limits.get(root);
    if (limit === undefined) continue;
    for (const slot of COPIED_SLOTS.get(operation) ?? []) limitTo(limit, sources[slot]);
  }
  return limits;
}

/** Uniform numbers in [0, 1), the same for the same seed (Park and Miller's generator). */
export function randomNumbers(seed: number): () => number {
  const modulus = 2 ** 31 - 1;
  let state = (Math.abs(Math.trunc(seed)) % (modulus - 1)) + 1;
  const next = (): number => (state = (state * 48271) % modulus) / modulus;
  next(); // small seeds lie close together, so their first numbers would be alike
  next();
  return next;
}

/**
 * Checks a plan against its graph alone: recomputes when each storage needs its bytes, and reports every rule that the
 * plan breaks.
 *
 *     step            0    1    2    3        `a` is read last at step 2, where `c` is computed over it: allowed if c's
 *     a  [0, 4096)    ████████████            operation may overwrite that operand. `d` over `b` at step 1 is not:
 *     c  [0, 4096)              ███████       `b` is read at step 2 again.
 *     b  [4096, …)         ██████
 *     d  [4096, …)         !!!
 *
 * Invariant: shares no code with liveness and the allocators. Uses only chunk and offset of each entry; live ranges are
 * recomputed.
 */
import type { OptionNames } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import type { Pools } from '../graph/pools.js';
import type { Runtime } from '../runtime/runtime.js';
import { resolveRuntime, type RuntimeName } from '../runtime/runtimes.js';
import type { Tensor } from '../tensor/tensor.js';
import { isPowerOfTwo } from '../units.js';
import { checkGraphAndPlan } from './check-plan.js';
import { findFusedOverlaps } from './fused-overlaps.js';
import { checkGivenPools, checkLimits, MAX_VIOLATIONS } from './limits.js';
import { findCollisions, type Placed } from './plan-collisions.js';
import { strangeEntryFields, strangePlanFields } from './plan-fields.js';
import type { PlanEntry, PlanLike } from './plan-like.js';
import { PlanMemories } from './plan-pools.js';
import { labelOf, type PlanViolation } from './plan-violation.js';
import { storageNeeds, type Need } from './storage-needs.js';

/** The limits under which the plan was made. */
export interface CheckLimits {
  /**
   * Bytes, a power of two: offsets must be multiples of it, and of the plan's alignment as well. Default: of the plan's
   * alone.
   */
  readonly alignment?: number;
  /** Bytes that one chunk may hold, at least 1. Default: unlimited. */
  readonly maxChunkSize?: number;
  /**
   * The pools that the plan was to be made for, as `scheduleGraph` returns them: each storage must lie in a chunk of its
   * pool. Not with `alignment` and `maxChunkSize`, which each pool has of its own. Default: each chunk is checked against
   * the pool that the plan says it is of.
   */
  readonly pools?: Pools;
  /** Whether a chunk may be as large as the largest tensor in it, even above the limit. Default false. */
  readonly allowOversize?: boolean;
  /** The runtime that runs the graph, in place of the plan's. Default: the plan's. */
  readonly runtime?: RuntimeName | Runtime;
  /** Violations that are reported at most: the first to be found. Default 10,000. */
  readonly maxViolations?: number;
}

const PLAN_LIMITS: OptionNames<CheckLimits> = {
  alignment: true,
  maxChunkSize: true,
  pools: true,
  allowOversize: true,
  runtime: true,
  maxViolations: true,
};

/**
 * Every violation of `plan`, up to `maxViolations`: first those of single tensors; then collisions, by the first step
 * of the second tensor; last the overlaps that are wrong only if the runtime computes several nodes at once. An empty
 * list means that the plan is right. O((n + collisions) log n), and the views of what collides.
 *
 * @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT`
 */
export function verifyPlan(graph: Graph, plan: PlanLike, limits: CheckLimits = {}): PlanViolation[] {
  checkGraphAndPlan(graph, plan);
  checkLimits(limits, PLAN_LIMITS);
  if (limits.pools !== undefined) checkGivenPools(graph, limits.pools, limits);
  const { maxViolations = MAX_VIOLATIONS } = limits;
  const runtime = runtimeOf(plan, limits);
  const memories = memoriesOf(plan, limits);
  const ofTensors: PlanViolation[] = [];
  const placed = placeStorages(graph, plan, memories, (violation) => {
    if (ofTensors.length < maxViolations) ofTensors.push(violation);
  });
  const alone = [...checkSizes(plan), ...memories.faults.map(sizeViolation)];
  alone.push(...checkChunks(plan, limits, memories, placed), ...ofTensors);
  const found = alone.concat(findCollisions(graph, runtime, placed, maxViolations - alone.length));
  const fused = findFusedOverlaps(graph, runtime, placed, found, maxViolations - found.length);
  return found.concat(fused).slice(0, maxViolations);
}

/** The memories of a plan, by the plan and by what is asked of it. */
function memoriesOf(plan: PlanLike, { pools, alignment = 1, maxChunkSize = Infinity }: CheckLimits): PlanMemories {
  // An alignment that is no power of two has been reported once, for the plan as a whole.
  const own = isPowerOfTwo(plan.alignment) ? plan.alignment : 1;
  return new PlanMemories(plan, pools ?? null, { alignment: Math.max(alignment, own), maxChunkSize });
}

/** The runtime that runs the graph: the caller's, or else the plan's. @throws PlannerError `BAD_ARGUMENT` */
export function runtimeOf(plan: PlanLike, { runtime = plan.runtime }: { runtime?: string | Runtime }): Runtime {
  return resolveRuntime(runtime);
}

/** Checks the sizes and the alignment of the plan as a whole. */
function checkSizes(plan: PlanLike): PlanViolation[] {
  const { chunks, alignment, bufferSize, lowerBound } = plan;
  const wrong = strangePlanFields(plan);
  if (wrong.length > 0) return wrong.map(sizeViolation);
  if (!isPowerOfTwo(alignment)) wrong.push(`alignment is ${alignment}, no power of two`);
  chunks.forEach((size, chunk) => {
    if (!Number.isSafeInteger(size) || size < 0) wrong.push(`chunk ${chunk} has ${size} bytes`);
  });
  const sum = chunks.reduce((a, b) => a + b, 0);
  if (bufferSize !== sum) wrong.push(`bufferSize is ${bufferSize}, but the chunks add up to ${sum}`);
  const bound = lowerBound ?? 0;
  if (Number.isNaN(Number(bound))) wrong.push(`lowerBound is ${bound}, not a number of bytes`);
  if (bound > bufferSize) wrong.push(`lowerBound is ${bound}, above the bufferSize of ${bufferSize}`);
  for (const field of ['isOptimal', 'optimal'] as const) {
    const claim = plan[field];
    if (claim === undefined || lowerBound === undefined || claim === (lowerBound === bufferSize)) continue;
    wrong.push(`${field} is ${claim}, but bufferSize is ${bufferSize} and lowerBound ${lowerBound}`);
  }
  return wrong.map(sizeViolation);
}

function sizeViolation(what: string): PlanViolation {
  return { kind: 'bad-size', ids: [], steps: null, bytes: null, message: `bad-size: ${what}` };
}

/** Chunks above their limit, with the storages that reach above it and the steps at which they are needed. */
function checkChunks(
  { chunks }: PlanLike,
  { allowOversize = false }: CheckLimits,
  memories: PlanMemories,
  placed: readonly Placed[],
): PlanViolation[] {
  const limits = chunks.map((_, chunk) => memories.ofChunk(chunk).maxChunkSize);
  if (allowOversize) {
    for (const { chunk, bottom, top } of placed) {
      const { alignment } = memories.ofChunk(chunk);
      limits[chunk] = Math.max(limits[chunk], Math.ceil((top - bottom) / alignment) * alignment);
    }
  }
  const limitOf = (chunk: number): number => limits[chunk];
  const above = new Map<number, Placed[]>();
  for (const storage of placed) {
    if (!(storage.top > limitOf(storage.chunk))) continue;
    const others = above.get(storage.chunk);
    if (others === undefined) above.set(storage.chunk, [storage]);
    else others.push(storage);
  }
  return chunks.flatMap((size, chunk) => {
    return size > limitOf(chunk) ? chunkViolation(chunk, size, limitOf(chunk), above.get(chunk) ?? []) : [];
  });
}

function chunkViolation(chunk: number, size: number, limit: number, above: readonly Placed[]): PlanViolation {
  const start = above.reduce((first, storage) => Math.min(first, storage.start), Infinity);
  const end = above.reduce((last, storage) => Math.max(last, storage.end), 0);
  const names = above.slice(0, 1).map(({ tensor, id }) => `, for ${labelOf(tensor, id)}`);
  const more = above.length > 1 ? ` and ${above.length - 1} more` : '';
  return {
    kind: 'chunk-limit',
    ids: above.map(({ id }) => id),
    steps: above.length === 0 ? null : [start, end],
    bytes: [limit, size],
    message: `chunk-limit: chunk ${chunk} has ${size} bytes, more than ${limit}${names.join('')}${more}`,
  };
}

/** The storages that the graph needs in the compute buffer, where the plan puts them. */
function placeStorages(
  graph: Graph,
  plan: PlanLike,
  memories: PlanMemories,
  onViolation: (violation: PlanViolation) => void,
): Placed[] {
  const { tensors } = graph;
  const needs = storageNeeds(graph);
  const entries = entriesOf(graph, plan, needs, onViolation);
  const placed: Placed[] = [];
  tensors.forEach((tensor, id) => {
    const size = tensor.storageBytes;
    const entry = entries.get(tensor);
    const isOwner = !tensor.isView && tensor.memory === 'deferred';
    if (isOwner ? size === 0 : entry === undefined) return;
    const need = needs.get(tensor)!;
    const steps = [need.start, need.end] as const;
    const report = (kind: PlanViolation['kind'], bytes: PlanViolation['bytes'], what: string): void => {
      const message = `${kind}: ${labelOf(tensor, id)}, needed in steps [${need.start}, ${need.end}), ${what}`;
      onViolation({ kind, ids: [id], steps, bytes, message });
    };
    if (entry === undefined) return report('missing', null, 'has no place in the plan');
    const strange = strangeEntryFields(entry);
    if (strange !== null) return report('wrong-entry', null, strange);
    const { chunk, offset } = entry;
    if (Number.isNaN(offset)) return report('wrong-entry', null, 'has NaN as its offset, which is no place');
    const bytes = [offset, offset + size] as const;
    const where = `bytes [${offset}, ${offset + size}) of chunk ${chunk}`;
    if (!isOwner) {
      const owner = entries.get(tensor.root);
      const isThere =
        tensor.memory === 'deferred' && owner?.chunk === chunk && owner.offset + tensor.viewOffset === offset;
      return isThere
        ? undefined
        : report('wrong-entry', bytes, `is in ${where} in the plan, but its root puts it elsewhere`);
    }
    const { alignment } = memories.ofChunk(chunk);
    if (!Number.isSafeInteger(offset) || offset % alignment !== 0)
      report('misaligned', bytes, `is in ${where}, which does not start at a multiple of ${alignment}`);
    const elsewhere = memories.wrongPool(id, chunk);
    if (elsewhere !== null) {
      report('wrong-pool', bytes, `is in ${where}, of pool ${elsewhere.found}, but belongs into ${elsewhere.expected}`);
    }
    const isInside = Number.isInteger(chunk) && offset >= 0 && offset + size <= plan.chunks[chunk];
    if (!isInside) report('out-of-arena', bytes, `is in ${where}, outside of it`);
    const wrong = wrongStatement(entry, tensor.name, size, need);
    if (wrong !== null) report('wrong-entry', bytes, wrong);
    placed.push({ id, tensor, ...need, chunk, bottom: offset, top: offset + size });
  });
  // Of storages that start at step 0, the one that the first node computes comes last, as `findCollisions` asks.
  return placed.sort((a, b) => Number(a.isComputed) - Number(b.isComputed));
}

/** The entries of the plan by their tensor. */
function entriesOf(
  { tensors }: Graph,
  plan: PlanLike,
  needs: ReadonlyMap<Tensor, Need>,
  onViolation: (violation: PlanViolation) => void,
): Map<Tensor, PlanEntry> {
  const entries = new Map<Tensor, PlanEntry>();
  for (const entry of plan.tensors) {
    const { id, chunk, offset } = entry;
    const tensor = Number.isInteger(id) ? (tensors[id] as Tensor | undefined) : undefined;
    if (tensor === undefined || entries.has(tensor)) {
      const { start, end } = (tensor && needs.get(tensor)) ?? entry;
      const size = tensor === undefined ? entry.size : tensor.storageBytes;
      const steps = start === undefined || end === undefined ? null : ([start, end] as const);
      const isStrange = size === undefined || strangeEntryFields(entry) !== null;
      const bytes = isStrange ? null : ([offset, offset + size] as const);
      const kind = tensor === undefined ? 'unknown-tensor' : 'duplicate';
      const what = tensor === undefined ? 'is not in the graph, but planned' : 'is planned twice, again';
      const where = bytes === null ? `from byte ${offset} on` : `in bytes [${bytes[0]}, ${bytes[1]})`;
      const message = `${kind}: ${labelOf(tensor, id)} ${what} ${where} of chunk ${chunk}`;
      onViolation({ kind, ids: [id], steps, bytes, message });
    }
    if (tensor !== undefined) entries.set(tensor, entry);
  }
  return entries;
}

/** What an entry states wrongly of its tensor; null if nothing. */
function wrongStatement(entry: PlanEntry, name: string, size: number, { start, end }: Need): string | null {
  if ((entry.name ?? name) !== name) return `is called ${entry.name} in the plan`;
  // `NaN` compares false both ways, so test for "not ≥" instead of "<".
  if (!((entry.size ?? size) >= size)) return `has ${entry.size} bytes in the plan, but needs ${size}`;
  if (!((entry.start ?? start) <= start && (entry.end ?? end) >= end)) {
    return `lives only in steps [${entry.start}, ${entry.end}) of the plan`;
  }
  return null;
}

/**
 * Checks a plan against its graph alone: recomputes who needs bytes when, and reports every rule that the plan breaks.
 *
 *     step            0    1    2    3        `a` is read last at step 2, where `c` is computed over it: allowed if c's
 *     a  [0, 4096)    ████████████            operation may overwrite that operand. `d` over `b` at step 1 is not:
 *     c  [0, 4096)              ███████       `b` is read at step 2 again.
 *     b  [4096, …)         ██████
 *     d  [4096, …)         !!!
 *
 * Invariant: shares no code with liveness and the allocators; reads the plan's chunks and offsets, believes no range.
 */
import { checkArgument, checkOptionsObject } from '../errors.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import type { Tensor } from '../tensor/tensor.js';
import { forEachCollision, type Rectangle } from './collisions.js';
import { mayOverwrite } from './operands.js';

/** What the verifier reads of a plan; a `Plan` and a parsed plan file both are one. */
export interface PlanToVerify {
  readonly alignment: number;
  readonly bufferSize: number;
  readonly chunks: readonly number[];
  readonly tensors: readonly EntryToVerify[];
  /** Bytes; must not exceed `bufferSize`. Not checked if left out. */
  readonly lowerBound?: number;
  /** Must say whether `bufferSize` equals `lowerBound`. Not checked if left out. */
  readonly optimal?: boolean;
}

/** One tensor's entry of a plan. What it says of name, size and live range is checked if it is there. */
export interface EntryToVerify {
  readonly id: number;
  readonly chunk: number;
  readonly offset: number;
  readonly name?: string;
  /** Bytes, at least what the tensor needs. */
  readonly size?: number;
  /** First step, inclusive: no later than the tensor is needed. */
  readonly start?: number;
  /** Last step, exclusive: no earlier than the tensor is needed. */
  readonly end?: number;
}

/** One broken rule. */
export interface PlanViolation {
  readonly kind:
    | 'bad-size'
    | 'chunk-limit'
    | 'duplicate'
    | 'in-place-not-allowed'
    | 'misaligned'
    | 'missing'
    | 'out-of-arena'
    | 'output-overwritten'
    | 'overlap'
    | 'unknown-tensor'
    | 'wrong-entry';
  /** Ids of the tensors concerned: two where bytes collide, the one that came first in front. */
  readonly ids: readonly number[];
  /** First and one past the last step at which the rule is broken; null where it has nothing to do with time. */
  readonly steps: readonly [number, number] | null;
  /** The bytes concerned within the chunk, first and one past the last; null where there are none. */
  readonly bytes: readonly [number, number] | null;
  /** One line naming the tensors, steps and bytes. */
  readonly message: string;
}

/** The limits under which the plan was made. */
export interface PlanLimits {
  /** Bytes that one chunk may hold. Default: unlimited. */
  readonly maxChunkSize?: number;
}

/** A storage as the graph demands it, at the steps at which it needs its bytes, where the plan places it. */
interface Placed extends Rectangle {
  readonly id: number;
  readonly tensor: Tensor;
  readonly isKept: boolean;
  readonly chunk: number;
}

/** @throws PlannerError `BAD_ARGUMENT` unless both are what they should be */
export function checkGraphAndPlan(graph: Graph, plan: PlanToVerify): void {
  checkGraph(graph);
  const { tensors, chunks } = (plan as Partial<PlanToVerify> | null) ?? {};
  const areEntries = (list: readonly unknown[]): boolean =>
    list.every((each) => typeof each === 'object' && each !== null);
  const isPlan = Array.isArray(tensors) && Array.isArray(chunks) && areEntries(tensors);
  checkArgument(isPlan, 'plan', plan, 'a Plan', 'Give what planGraph returns, or a parsed plan file.');
}

/**
 * Every violation of `plan`: first those of single tensors, then collisions by the order in which the second tensor comes
 * to life; none means that the plan is right. O((n + collisions) log n).
 */
export function verifyPlan(graph: Graph, plan: PlanToVerify, limits: PlanLimits = {}): PlanViolation[] {
  checkGraphAndPlan(graph, plan);
  checkOptionsObject(limits, 'limits');
  const violations: PlanViolation[] = [];
  checkChunks(plan, limits, violations);
  const placed = placeStorages(graph, plan, violations);
  return violations.concat(findCollisions(graph, placed));
}

function findCollisions({ nodes }: Graph, placed: readonly Placed[]): PlanViolation[] {
  const byChunk = new Map<number, Placed[]>();
  for (const storage of placed) {
    if (!Number.isSafeInteger(storage.bottom)) continue; // reported already
    const others = byChunk.get(storage.chunk);
    if (others === undefined) byChunk.set(storage.chunk, [storage]);
    else others.push(storage);
  }
  const violations: PlanViolation[] = [];
  for (const storages of byChunk.values()) {
    forEachCollision(storages, (holder, newcomer) => {
      const violation = collisionOf(holder, newcomer, nodes[newcomer.start]);
      if (violation !== null) violations.push(violation);
    });
  }
  return violations.sort((a, b) => a.steps![0] - b.steps![0] || a.ids[1] - b.ids[1] || a.ids[0] - b.ids[0]);
}

function checkChunks(plan: PlanToVerify, { maxChunkSize = Infinity }: PlanLimits, violations: PlanViolation[]): void {
  const sum = plan.chunks.reduce((a, b) => a + b, 0);
  const report = (kind: 'bad-size' | 'chunk-limit', message: string): void => {
    violations.push({ kind, ids: [], steps: null, bytes: null, message: `${kind}: ${message}` });
  };
  if (plan.bufferSize !== sum) report('bad-size', `bufferSize is ${plan.bufferSize}, but the chunks add up to ${sum}`);
  const { bufferSize, lowerBound = 0, optimal } = plan;
  if (lowerBound > bufferSize) report('bad-size', `lowerBound is ${lowerBound}, above the bufferSize of ${bufferSize}`);
  if (optimal !== undefined && plan.lowerBound !== undefined && optimal !== (lowerBound === bufferSize)) {
    report('bad-size', `optimal is ${optimal}, but bufferSize is ${bufferSize} and lowerBound ${lowerBound}`);
  }
  plan.chunks.forEach((size, chunk) => {
    if (size > maxChunkSize) report('chunk-limit', `chunk ${chunk} has ${size} bytes, more than ${maxChunkSize}`);
  });
}

/** The storages that the graph needs in the compute buffer, where the plan puts them. */
function placeStorages(graph: Graph, plan: PlanToVerify, violations: PlanViolation[]): Placed[] {
  const { tensors } = graph;
  const entries = entriesById(graph, plan, violations);
  const needs = storageNeeds(graph);
  const placed: Placed[] = [];
  tensors.forEach((tensor, id) => {
    const size = tensor.allocSize ?? tensor.byteLength;
    if (tensor.isView || tensor.memory !== 'deferred' || size === 0) return;
    const need = needs.get(tensor)!;
    const steps = [need.start, need.end] as const;
    const report = (kind: PlanViolation['kind'], bytes: PlanViolation['bytes'], what: string): void => {
      const message = `${kind}: ${labelOf(tensor, id)}, needed in steps [${need.start}, ${need.end}), ${what}`;
      violations.push({ kind, ids: [id], steps, bytes, message });
    };
    const entry = entries.get(id);
    if (entry === undefined) return report('missing', null, 'has no place in the plan');
    const { chunk, offset } = entry;
    const bytes = [offset, offset + size] as const;
    const where = `bytes [${offset}, ${offset + size}) of chunk ${chunk}`;
    if (!Number.isSafeInteger(offset) || offset % plan.alignment !== 0) {
      report('misaligned', bytes, `is in ${where}, not from a multiple of ${plan.alignment} on`);
    }
    const isInside = Number.isInteger(chunk) && offset >= 0 && offset + size <= plan.chunks[chunk];
    if (!isInside) report('out-of-arena', bytes, `is in ${where}, outside of it`);
    const wrong = wrongStatement(entry, tensor.name, size, need);
    if (wrong !== null) report('wrong-entry', bytes, wrong);
    placed.push({ id, tensor, ...need, chunk, bottom: offset, top: offset + size });
  });
  return placed;
}

/** The entries of the plan by the id of their tensor. */
function entriesById({ tensors }: Graph, plan: PlanToVerify, violations: PlanViolation[]): Map<number, EntryToVerify> {
  const entries = new Map<number, EntryToVerify>();
  for (const entry of plan.tensors) {
    const { id } = entry;
    const isKnown = Number.isInteger(id) && tensors[id] !== undefined;
    const report = (kind: PlanViolation['kind'], what: string): void => {
      const message = `${kind}: ${labelOf(tensors[id], id)} ${what}`;
      violations.push({ kind, ids: [id], steps: null, bytes: null, message });
    };
    if (!isKnown) report('unknown-tensor', 'is not in the graph');
    else if (entries.has(id)) report('duplicate', 'is planned twice');
    entries.set(id, entry);
  }
  return entries;
}

/** What an entry says of its tensor and should not; null if nothing. */
function wrongStatement(
  entry: EntryToVerify,
  name: string,
  size: number,
  { start, end }: Pick<Placed, 'start' | 'end'>,
): string | null {
  if ((entry.name ?? name) !== name) return `is called ${entry.name} in the plan`;
  if ((entry.size ?? size) < size) return `has ${entry.size} bytes in the plan, but needs ${size}`;
  if ((entry.start ?? start) > start || (entry.end ?? end) < end) {
    return `lives only in steps [${entry.start}, ${entry.end}) of the plan`;
  }
  return null;
}

/** From which to which step each storage is needed. */
function storageNeeds({ leafs, nodes }: Graph): Map<Tensor, Pick<Placed, 'start' | 'end' | 'isKept'>> {
  const starts = new Map<Tensor, number>();
  const ends = new Map<Tensor, number>();
  const unread = new Set<Tensor>();
  const kept = new Set<Tensor>();
  for (const leaf of leafs) starts.set(leaf, 0);
  nodes.forEach((node, step) => starts.set(node, node.isInput ? 0 : step));
  for (const tensor of starts.keys()) unread.add(tensor);
  nodes.forEach((node, step) => {
    for (const source of node.sources) {
      if (source === null || source === node) continue;
      unread.delete(source);
      ends.set(source.root, step + 1);
    }
  });
  for (const tensor of starts.keys()) if (tensor.isOutput || unread.has(tensor)) kept.add(tensor.root);
  const needs = new Map<Tensor, Pick<Placed, 'start' | 'end' | 'isKept'>>();
  for (const [tensor, start] of starts) {
    const isKept = kept.has(tensor);
    needs.set(tensor, { start, end: isKept ? Math.max(1, nodes.length) : (ends.get(tensor) ?? 0), isKept });
  }
  return needs;
}

/** What is wrong with `newcomer` coming to life where `holder` still is; null if nothing. */
function collisionOf(holder: Placed, newcomer: Placed, node: Tensor | undefined): PlanViolation | null {
  // An input has its value before the first step, whoever computes it.
  const isComputedNow = node === newcomer.tensor && !newcomer.tensor.isInput;
  const isHandOver = isComputedNow && holder.end === newcomer.start + 1 && !holder.isKept;
  if (isHandOver && mayTakeOver(newcomer, holder)) return null;
  const until = Math.min(holder.end, newcomer.end);
  const from = Math.max(holder.bottom, newcomer.bottom);
  const to = Math.min(holder.top, newcomer.top);
  const kind = holder.isKept ? 'output-overwritten' : isHandOver ? 'in-place-not-allowed' : 'overlap';
  const where = `bytes [${from}, ${to}) of chunk ${holder.chunk} in steps [${newcomer.start}, ${until})`;
  return {
    kind,
    ids: [holder.id, newcomer.id],
    steps: [newcomer.start, until],
    bytes: [from, to],
    message: `${kind}: ${labelOf(holder.tensor, holder.id)} and ${labelOf(newcomer.tensor, newcomer.id)} share ${where}`,
  };
}

/** Whether the operation of `taker` may overwrite what it reads of `giver`, lying where the plan puts both. */
function mayTakeOver({ tensor: node, bottom }: Placed, giver: Placed): boolean {
  return node.sources.every((source, slot) => {
    const isRead = source !== null && source !== node && source.root === giver.tensor;
    return !isRead || (giver.bottom + source.viewOffset === bottom && mayOverwrite(node, slot));
  });
}

function labelOf(tensor: Tensor | undefined, id: number): string {
  return tensor === undefined ? `tensor ${id}` : `${tensor.name || tensor.op} (${id})`;
}

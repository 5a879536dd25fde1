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
import { findOperation } from '../graph/operations.js';
import { sameLayout } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

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
  /** First and one past the last step at which the rule is broken, where it has to do with time. */
  readonly steps: readonly [number, number] | null;
  /** The bytes concerned within the chunk, first and one past the last. */
  readonly bytes: readonly [number, number] | null;
  /** One line naming the tensors, steps and bytes. */
  readonly message: string;
}

/** The limits under which the plan was made. */
export interface PlanLimits {
  /** Bytes that one chunk may hold. Default: unlimited. */
  readonly maxChunkSize?: number;
}

/** A storage as the graph demands it and the plan places it. */
interface Placed {
  readonly id: number;
  readonly tensor: Tensor;
  /** First step at which the bytes are needed, inclusive. */
  readonly start: number;
  /** First step at which they no longer are, exclusive. */
  readonly end: number;
  readonly isKept: boolean;
  readonly chunk: number;
  readonly from: number;
  readonly to: number;
}

/** @throws PlannerError `BAD_ARGUMENT` unless both are what they should be */
export function checkGraphAndPlan(graph: Graph, plan: PlanToVerify): void {
  checkGraph(graph);
  const { tensors, chunks } = (plan as Partial<PlanToVerify> | null) ?? {};
  const isPlan = Array.isArray(tensors) && Array.isArray(chunks);
  checkArgument(isPlan, 'plan', plan, 'a Plan', 'Give what planGraph returns, or a parsed plan file.');
}

/**
 * Every violation of `plan`, by the order in which tensors come to life; none means that the plan is right.
 * O(n log n + n · storages that live at once).
 */
export function verifyPlan(graph: Graph, plan: PlanToVerify, limits: PlanLimits = {}): PlanViolation[] {
  checkGraphAndPlan(graph, plan);
  checkOptionsObject(limits, 'limits');
  const violations: PlanViolation[] = [];
  checkChunks(plan, limits, violations);
  const placed = placeStorages(graph, plan, violations);
  placed.sort((a, b) => a.start - b.start || a.id - b.id);
  let alive: Placed[] = [];
  for (const newcomer of placed) {
    alive = alive.filter((holder) => holder.end > newcomer.start);
    for (const holder of alive) {
      const violation = collisionOf(holder, newcomer, graph.nodes[newcomer.start]);
      if (violation !== null) violations.push(violation);
    }
    alive.push(newcomer);
  }
  return violations;
}

function checkChunks(plan: PlanToVerify, { maxChunkSize = Infinity }: PlanLimits, violations: PlanViolation[]): void {
  const sum = plan.chunks.reduce((a, b) => a + b, 0);
  const report = (kind: 'bad-size' | 'chunk-limit', message: string): void => {
    violations.push({ kind, ids: [], steps: null, bytes: null, message });
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
  const report = (kind: PlanViolation['kind'], id: number, bytes: PlanViolation['bytes'], what: string): void => {
    violations.push({ kind, ids: [id], steps: null, bytes, message: `${labelOf(tensors[id], id)} ${what}` });
  };
  const entries = new Map<number, PlanToVerify['tensors'][number]>();
  for (const entry of plan.tensors) {
    const isKnown = Number.isInteger(entry.id) && tensors[entry.id] !== undefined;
    if (!isKnown) report('unknown-tensor', entry.id, null, 'is not in the graph');
    else if (entries.has(entry.id)) report('duplicate', entry.id, null, 'is planned twice');
    entries.set(entry.id, entry);
  }

  const needs = storageNeeds(graph);
  const placed: Placed[] = [];
  tensors.forEach((tensor, id) => {
    const size = tensor.allocSize ?? tensor.byteLength;
    if (tensor.isView || tensor.memory !== 'deferred' || size === 0) return;
    const entry = entries.get(id);
    if (entry === undefined) return report('missing', id, null, 'has no place in the plan');
    const { chunk, offset } = entry;
    const bytes = [offset, offset + size] as const;
    if (!Number.isSafeInteger(offset) || offset % plan.alignment !== 0) {
      report('misaligned', id, bytes, `is at ${offset}, not a multiple of ${plan.alignment}`);
    }
    if (!(offset >= 0 && offset + size <= (plan.chunks[chunk] ?? -1))) {
      report('out-of-arena', id, bytes, `is at [${offset}, ${offset + size}) of chunk ${chunk}, outside of it`);
    }
    const need = needs.get(tensor)!;
    const wrong = wrongStatement(entry, tensor.name, size, need);
    if (wrong !== null) report('wrong-entry', id, bytes, wrong);
    placed.push({ id, tensor, ...need, chunk, from: offset, to: offset + size });
  });
  return placed;
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
    return `lives in steps [${entry.start}, ${entry.end}) of the plan, but is needed in [${start}, ${end})`;
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
    ends.set(node.root, Math.max(step + 1, ends.get(node.root) ?? 0));
    for (const source of node.sources) {
      if (source === null || source === node) continue;
      unread.delete(source);
      ends.set(source.root, Math.max(step + 1, ends.get(source.root) ?? 0));
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

/** What is wrong with `newcomer` coming to life while `holder` is there; null if nothing. */
function collisionOf(holder: Placed, newcomer: Placed, node: Tensor | undefined): PlanViolation | null {
  const from = Math.max(holder.from, newcomer.from);
  const to = Math.min(holder.to, newcomer.to);
  if (holder.chunk !== newcomer.chunk || from >= to) return null;
  const isHandOver = node === newcomer.tensor && holder.end === newcomer.start + 1 && !holder.isKept;
  if (isHandOver && mayOverwrite(newcomer, holder)) return null;
  const until = Math.min(holder.end, newcomer.end);
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
function mayOverwrite(taker: Placed, giver: Placed): boolean {
  const { tensor: node } = taker;
  const operation = findOperation(node.op);
  const operands = node.inPlaceRule?.operands ?? operation?.overwrites ?? [];
  // Of an operation that the table does not know, a graph file's word is all there is.
  const anyOperand = operation === undefined && operands.length === 0 && node.inPlaceRule?.ggml === true;
  let readers = 0;
  for (const [slot, source] of node.sources.entries()) {
    if (source === null || source === node || source.root !== giver.tensor) continue;
    readers++;
    const sameBytes = giver.from + source.viewOffset === taker.from && sameLayout(source, node);
    const isAllowed = operands.includes(slot) || (anyOperand && readers === 1);
    if (!sameBytes || !isAllowed) return false;
  }
  return readers > 0;
}

function labelOf(tensor: Tensor | undefined, id: number): string {
  return tensor === undefined ? `tensor ${id}` : `${tensor.name || tensor.op} (${id})`;
}

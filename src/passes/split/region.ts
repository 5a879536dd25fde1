/**
 * Regions: nodes that can be computed part by part, up to one node whose result the parts are written into.
 *
 *     norm ──▶ gate ──▶ swiglu ──▶ down ──▶ y     in parts of 128 tokens, gate, up and swiglu are never whole: what
 *       └────▶ up ────────┘                        all parts read (the norm) and what they write (y) are
 *
 * Invariant: all readers of a node of a region, but for its end, are in the region; so nobody else needs it whole. Its
 * nodes compute values of the plan and have no other effect.
 */
import type { Graph } from '../../graph/graph.js';
import { isPureView } from '../../graph/node-kind.js';
import { isContiguous } from '../../tensor/layout.js';
import type { Slice } from '../../tensor/slice.js';
import type { Tensor } from '../../tensor/tensor.js';
import { cutAt, hullOf } from './needs.js';

/** A region, and how it is cut. */
export interface Region {
  /** In execution order; the last is its end. */
  readonly nodes: readonly Tensor[];
  /** Step of each of them. */
  readonly steps: readonly number[];
  /** The dimension of the end's result along which it is cut. */
  readonly dim: number;
  /** Elements of that dimension that a part computes; the last part may have fewer. */
  readonly size: number;
}

/** The slices of a region's parts. */
export function partsOf({ nodes, dim, size }: Region): Slice[] {
  const length = nodes[nodes.length - 1].shape[dim];
  const parts: Slice[] = [];
  for (let from = 0; from < length; from += size) parts.push({ dim, from, to: Math.min(length, from + size) });
  return parts;
}

/** Which nodes can be computed in parts, and which can have parts written into their result, by step. */
export interface Divisible {
  readonly inside: Uint8Array;
  readonly end: Uint8Array;
}

/** @param isWhole by id, whether a tensor is what the given graph has: what is a part already stays as it is */
export function divisibleNodes(graph: Graph, isWhole: Uint8Array): Divisible {
  const { nodes, table } = graph;
  const may = (can: (node: Tensor) => boolean): Uint8Array =>
    Uint8Array.from(nodes, (node, step) => (isWhole[table.nodes[step]] === 1 && can(node) ? 1 : 0));
  return { inside: may((node) => canBeInside(graph, node)), end: may((node) => canEnd(graph, node)) };
}

/** Whether the result of a node can be written in parts. */
function canEnd(graph: Graph, node: Tensor): boolean {
  const { operation, isView, destination, memory, allocSize } = node;
  if (operation === null || !operation.isKnown || !operation.isPure || operation.cut === null) return false;
  if (!isContiguous(node)) return false;
  return !isView && destination === null && memory === 'deferred' && allocSize === null && !graph.inputs.has(node);
}

function canBeInside(graph: Graph, node: Tensor): boolean {
  const { operation, destination, memory, allocSize, root } = node;
  if (operation === null || !operation.isKnown || destination !== null || memory !== 'deferred') return false;
  if (allocSize !== null || root.memory !== 'deferred' || graph.outputs.has(node) || graph.inputs.has(node))
    return false;
  return isPureView(node) || (operation.isPure && operation.cut !== null && (node.isView || isContiguous(node)));
}

/**
 * All nodes that a slice of `end` is computed of, in slices: the later steps first, back to `firstStep`. What a caller cuts
 * off at the end of this list is a region too, but for {@link closed}. O(nodes between, and their sources).
 */
export function growth(graph: Graph, can: Divisible, end: number, slice: Slice, firstStep: number): number[] {
  const { table, nodes, tensors } = graph;
  const { steps: stepOf } = table;
  const slices = new Map<number, Slice | null>([[table.nodes[end], slice]]);
  const covered = new Map<number, number>();
  const found: number[] = [];
  for (let step = end; step >= firstStep && slices.size > found.length; step--) {
    const id = table.nodes[step];
    const own = slices.get(id);
    if (own === undefined || own === null) continue;
    const node = nodes[step];
    if (step !== end && ((covered.get(id) ?? 0) !== table.uses[id] || can.inside[step] === 0)) continue;
    const cut = cutAt(node, own);
    if (cut === null) {
      if (step === end) return [];
      continue;
    }
    found.push(step);
    node.sources.forEach((source, slot) => {
      if (source === null || source === node) return;
      const sourceId = graph.idOf(source);
      if (stepOf[sourceId] === -1 || tensors[sourceId] !== source) return;
      covered.set(sourceId, (covered.get(sourceId) ?? 0) + 1);
      const operand = cut.operands[slot] ?? null;
      const known = slices.get(sourceId);
      const hull = operand === null || known === null ? null : hullOf(known, operand);
      slices.set(sourceId, hull);
    });
  }
  return found;
}

/** A region of some nodes without those that need others: views of what isn't inside, and what only these read. */
export function closed(graph: Graph, steps: readonly number[]): number[] {
  const { nodes } = graph;
  const inside = new Set(steps);
  const end = Math.max(...steps);
  for (let size = -1; size !== inside.size;) {
    size = inside.size;
    const read = new Map<Tensor, number>();
    for (const step of [...inside].sort((a, b) => a - b)) {
      const node = nodes[step];
      const isTaken = (source: Tensor | null): boolean => {
        return source !== null && inside.has(graph.table.steps[graph.idOf(source)]);
      };
      const looksAt = node.sources.filter((source) => source !== null && source !== node && source.root === node.root);
      if (step !== end && node.isView && !looksAt.every(isTaken)) inside.delete(step);
      else for (const source of node.sources) if (source !== null) read.set(source, (read.get(source) ?? 0) + 1);
    }
    for (const step of [...inside]) {
      const node = nodes[step];
      if (step !== end && (read.get(node) ?? 0) !== graph.table.uses[graph.idOf(node)]) inside.delete(step);
    }
  }
  return [...inside].sort((a, b) => a - b);
}

/**
 * Whether all nodes of a region can wait for its last step: what they read must not be overwritten in between, nor must
 * somebody run of whom nobody knows what he reads and writes.
 */
export function canWait(graph: Graph, steps: readonly number[]): boolean {
  const { nodes } = graph;
  const inside = new Set(steps);
  const [first, end] = [steps[0], steps[steps.length - 1]];
  const readAt = new Map<Tensor, number>();
  for (const step of steps) {
    for (const source of nodes[step].sources) {
      if (source !== null && !readAt.has(source.root)) readAt.set(source.root, step);
    }
  }
  for (let step = first; step < end; step++) {
    if (inside.has(step)) continue;
    const node = nodes[step];
    if (isPureView(node)) continue;
    const { operation, isView, root, sources } = node;
    if (operation === null || !operation.isKnown || !(operation.isPure || operation.updates.length > 0)) return false;
    const written = operation.updates.flatMap((slot) => sources[slot]?.root ?? []);
    if (isView) written.push(root);
    if (written.some((each) => (readAt.get(each) ?? Infinity) < step)) return false;
  }
  return true;
}

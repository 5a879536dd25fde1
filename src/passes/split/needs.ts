/**
 * Which elements of each node a slice of a region's result needs.
 *
 *     end      rows [8, 16) of y = CONV_2D(w, h)    needs rows [7, 17) of h
 *              h = RELU(x)                           so rows [7, 17) of h are computed, of rows [7, 17) of x
 *
 * Invariant: a node of a region is needed in one slice per part: the smallest that has all that its readers need.
 */
import { isPureView } from '../../graph/node-kind.js';
import type { Cut, Slice } from '../../tensor/slice.js';
import type { Tensor } from '../../tensor/tensor.js';
import { seenSlice } from './views.js';

/** What a node needs of its operands to have a slice; null if it cannot be computed in slices there. */
export function cutAt(node: Tensor, slice: Slice): Cut | null {
  const { dim, from, to } = slice;
  if (from < 0 || to > node.shape[dim] || from >= to) return null;
  if (dim === 0 && node.type.blockSize !== 1) return null;
  if (isPureView(node)) {
    const seen = seenSlice(node, slice);
    return seen === null ? null : { operands: [seen] };
  }
  const cut = node.operation?.cut?.(node, slice) ?? null;
  return cut === null || cut.operands.some((operand, slot) => isBlocked(node.sources[slot], operand)) ? null : cut;
}

/** Elements of a quantised type come in blocks. */
function isBlocked(source: Tensor | null, operand: Slice | null): boolean {
  return operand !== null && operand.dim === 0 && source !== null && source.type.blockSize !== 1;
}

/** The smallest slice with two others in it; null if they are of different dimensions. */
export function hullOf(a: Slice | undefined, b: Slice): Slice | null {
  if (a === undefined) return b;
  return a.dim === b.dim ? { dim: a.dim, from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) } : null;
}

/** What each node of a region is needed for: its slice and its cut. */
export type Needs = ReadonlyMap<Tensor, { readonly slice: Slice; readonly cut: Cut }>;

/**
 * The needs of a slice of the last of `nodes`, which are in execution order; null if they cannot be computed so.
 * O(nodes + sources).
 */
export function needsOf(nodes: readonly Tensor[], slice: Slice): Needs | null {
  const isInside = new Set(nodes);
  const slices = new Map<Tensor, Slice>([[nodes[nodes.length - 1], slice]]);
  const needs = new Map<Tensor, { slice: Slice; cut: Cut }>();
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodes[index];
    const own = slices.get(node);
    const cut = own === undefined ? null : cutAt(node, own);
    if (own === undefined || cut === null) return null;
    needs.set(node, { slice: own, cut });
    for (let slot = 0; slot < node.sources.length; slot++) {
      const source = node.sources[slot];
      if (source === null || source === node || !isInside.has(source)) continue;
      const operand = cut.operands[slot] ?? null;
      const hull = operand === null ? null : hullOf(slices.get(source), operand);
      if (hull === null) return null;
      slices.set(source, hull);
    }
  }
  return needs;
}

/**
 * What the unplaced buffers of a canonical solution can rest on: the ground, a placed neighbour, or one another.
 *
 *     capacity ┤           A buffer whose lowest offset is ruled out rests on a neighbour that is not placed yet. Where
 *              │           several have only each other to rest on, none of them can lie anywhere: sooner or later one
 *              │  ▒▒▒▒ b   must rest on something else. Lifting one above the other in turns comes to the same end, but
 *              │  ▒▒▒▒ a   by one of their sizes at a time, which may be a byte where the capacity is a gigabyte.
 *            0 ┼──────────
 */
import { alignedFrom } from './instance.js';
import { UNPLACED, type State } from './state.js';

/** Whether a canonical solution may have this buffer at its lowest offset: on the ground or on a placed neighbour. */
export function isSupported({ instance, offsets, lowest }: State, b: number): boolean {
  const { sizes, first, other, fixed, spanClass, alignments } = instance;
  const offset = lowest[b];
  if (offset === 0 || (fixed !== null && fixed[b] >= 0)) return true;
  const slack = alignments === null ? 1 : alignments[b];
  let supported = false;
  for (let e = first[b]; e < first[b + 1]; e++) {
    const y = other[e];
    if (offsets[y] === UNPLACED) continue;
    const gap = offset - offsets[y] - sizes[y];
    if (gap < 0 || gap >= slack) continue;
    // Of two that live in the same sections, one directly on the other, the larger is below: swapping them is free.
    if (spanClass[b] >= 0 && spanClass[y] === spanClass[b] && sizes[y] < sizes[b]) return false;
    supported = true;
  }
  return supported;
}

/**
 * How low the unplaced buffers `members` can be if whatever they rest on rests on something supported in the end; they have no
 * other unplaced neighbours. The shortest paths from what is supported (Dijkstra), O(members² + pairs). Leaves the
 * reasons in the conflict.
 */
export function supportedBounds(state: State, members: Int32Array): Float64Array {
  const { instance, lowest, reasons } = state;
  const { first, other, sizes, count } = instance;
  const placeOf = new Int32Array(count).fill(-1);
  const bounds = new Float64Array(members.length);
  reasons.conflict.fill(0);
  members.forEach((b, i) => {
    placeOf[b] = i;
    bounds[i] = isSupported(state, b) ? lowest[b] : Infinity;
    reasons.blameReasonsOf(b);
    reasons.blamePlacedNeighboursOf(b);
  });
  for (let settled = 0; settled < members.length; settled++) {
    let nearest = -1;
    members.forEach((b, i) => {
      if (placeOf[b] >= 0 && (nearest < 0 || bounds[i] < bounds[nearest])) nearest = i;
    });
    const y = members[nearest];
    placeOf[y] = -1;
    if (bounds[nearest] === Infinity) break;
    for (let e = first[y]; e < first[y + 1]; e++) {
      const b = other[e];
      const i = placeOf[b];
      if (i >= 0)
        bounds[i] = Math.min(bounds[i], Math.max(lowest[b], alignedFrom(instance, bounds[nearest] + sizes[y], b)));
    }
  }
  return bounds;
}

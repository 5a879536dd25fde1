/**
 * What the unplaced buffers of a canonical solution can rest on: the ground, a placed neighbour, or one another.
 *
 *     capacity ┤           A buffer whose lowest offset is ruled out rests on an unplaced neighbour. If several buffers
 *              │           have only each other to rest on, one of them must in the end rest on something else. Lifting
 *              │  ▒▒▒▒ b   one above the other in turns leads there too, but by one of their sizes at a time: perhaps a
 *              │  ▒▒▒▒ a   byte, while the capacity is a gigabyte.
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
    const padding = offset - offsets[y] - sizes[y];
    if (padding < 0 || padding >= slack) continue;
    // Two buffers of the same sections, one directly on the other, can be swapped: only the larger one below is tried.
    if (spanClass[b] >= 0 && spanClass[y] === spanClass[b] && sizes[y] < sizes[b]) return false;
    supported = true;
  }
  return supported;
}

/**
 * The lowest offsets of the unplaced buffers `members` at which each rests, directly or through others, on a supported
 * buffer. `members` have no other unplaced neighbours. These are shortest paths from the supported buffers (Dijkstra).
 * Leaves the reasons in the conflict. O(members² + pairs).
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

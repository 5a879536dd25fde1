/**
 * Finding boxes: near a point, by name, the next one, and those of the same bytes. All by index, −1 for none.
 */
import type { BoxColumns } from '../map/columns.js';
import type { MapBox, MemoryMap } from '../map/memory-map.js';

/**
 * The box that holds a byte at a step, or else the nearest among those within `reach`: small ones are hard to hit.
 * Bytes are counted from the start of the first chunk. O(boxes)
 */
export function boxNear(
  { starts, ends, bottoms, tops }: BoxColumns,
  step: number,
  bytes: number,
  reach: { steps: number; bytes: number },
): number {
  let nearest = -1;
  let least = 1;
  for (let b = 0; b < starts.length; b++) {
    if (starts[b] <= step && step < ends[b] && bottoms[b] <= bytes && bytes < tops[b]) return b;
    const across = Math.max(0, starts[b] - step, step - ends[b]) / reach.steps;
    const along = Math.max(0, bottoms[b] - bytes, bytes - tops[b]) / reach.bytes;
    const distance = Math.max(across, along);
    if (distance >= least) continue;
    least = distance;
    nearest = b;
  }
  return nearest;
}

/** Boxes whose name, operation or view has `query` in it, names that start with it first. O(boxes) */
export function searchBoxes({ boxes }: MemoryMap, query: string): number[] {
  const wanted = query.trim().toLowerCase();
  if (wanted === '') return [];
  const has = (content: string): boolean => content.toLowerCase().includes(wanted);
  const rank = ({ name, op, views }: MapBox): number => {
    if (name.toLowerCase().startsWith(wanted)) return 0;
    if (has(name)) return 1;
    if (has(op)) return 2;
    return views.some((view) => has(view.name)) ? 3 : 4;
  };
  const ranked: number[][] = [[], [], [], []];
  boxes.forEach((box, index) => ranked[rank(box)]?.push(index));
  return ranked.flat();
}

/** The box that starts after (`by` 1) or before (−1) this one, around the ends; the first or last one after none. O(boxes) */
export function neighbour({ starts }: BoxColumns, current: number, by: 1 | -1): number {
  /** Whether `a` comes before `b`, seen in the direction of `by`. */
  const precedes = (a: number, b: number): boolean => by * (starts[a] - starts[b] || a - b) < 0;
  let first = -1;
  let next = -1;
  for (let b = 0; b < starts.length; b++) {
    if (first === -1 || precedes(b, first)) first = b;
    if (current !== -1 && precedes(current, b) && (next === -1 || precedes(b, next))) next = b;
  }
  return next === -1 ? first : next;
}

/** All boxes that had the same bytes handed on to or from this one, in order, itself included. */
export function chainOf({ boxes }: MemoryMap, box: number): number[] {
  let first = box;
  while (boxes[first].reuses !== -1) first = boxes[first].reuses;
  const chain = [first];
  for (let next = boxes[first].reusedBy; next !== -1; next = boxes[next].reusedBy) chain.push(next);
  return chain;
}

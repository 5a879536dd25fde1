/**
 * Finding boxes: under the pointer, by name, the next one, and those of the same bytes.
 */
import { chunkBases } from '../report/map/columns.js';
import type { MapBox, MemoryMap } from '../report/map/memory-map.js';

/** The box that holds a byte at a step; -1 if the byte is free. Bytes are counted from the start of the first chunk. */
export function boxAt(map: MemoryMap, step: number, bytes: number): number {
  const bases = chunkBases(map);
  return map.boxes.findIndex(({ chunk, offset, size, start, end }) => {
    const bottom = bases[chunk] + offset;
    return start <= step && step < end && bottom <= bytes && bytes < bottom + size;
  });
}

/** The box nearest to a point among those within `steps` and `bytes` of it: small ones are hard to hit. */
export function boxNear(map: MemoryMap, step: number, bytes: number, reach: { steps: number; bytes: number }): number {
  const exact = boxAt(map, step, bytes);
  if (exact !== -1) return exact;
  const bases = chunkBases(map);
  let nearest = -1;
  let least = 1;
  map.boxes.forEach(({ chunk, offset, size, start, end }, index) => {
    const bottom = bases[chunk] + offset;
    const across = Math.max(0, start - step, step - end) / reach.steps;
    const along = Math.max(0, bottom - bytes, bytes - bottom - size) / reach.bytes;
    const distance = Math.max(across, along);
    if (distance >= least) return;
    least = distance;
    nearest = index;
  });
  return nearest;
}

/** Boxes whose name, operation or view has `query` in it, names that start with it first. At most `limit`. */
export function searchBoxes({ boxes }: MemoryMap, query: string, limit: number): number[] {
  const wanted = query.trim().toLowerCase();
  if (wanted === '') return [];
  const has = (content: string): boolean => content.toLowerCase().includes(wanted);
  const rank = ({ name, op, views }: MapBox): number => {
    if (name.toLowerCase().startsWith(wanted)) return 0;
    if (has(name)) return 1;
    if (has(op)) return 2;
    return views.some((view) => has(view.name)) ? 3 : 4;
  };
  return boxes
    .map((box, index) => ({ index, rank: rank(box) }))
    .filter(({ rank: each }) => each < 4)
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .slice(0, limit)
    .map(({ index }) => index);
}

/** The box that starts after (`by` 1) or before (−1) this one, around the ends; the first or last one after none. */
export function neighbour({ boxes }: MemoryMap, current: number, by: 1 | -1): number {
  if (boxes.length === 0) return -1;
  const order = boxes.map((_, index) => index).sort((a, b) => boxes[a].start - boxes[b].start || a - b);
  const position = order.indexOf(current);
  if (position === -1) return by === 1 ? order[0] : order[order.length - 1];
  return order[(position + by + order.length) % order.length];
}

/** All boxes that had the same bytes handed on to or from this one, in order, itself included. */
export function chainOf({ boxes }: MemoryMap, box: number): number[] {
  let first = box;
  while (boxes[first].takesOver !== -1) first = boxes[first].takesOver;
  const chain = [first];
  for (let next = boxes[first].takenBy; next !== -1; next = boxes[next].takenBy) chain.push(next);
  return chain;
}

/**
 * The boxes of a map column by column, and what a picture says of all of them together. A picture of any part goes
 * through every box; here that is reading numbers one after the other.
 *
 * Invariant: entry `b` of a column is box `b`.
 */
import { MAP_FAMILIES, type MemoryMap } from './memory-map.js';
import { SIZE_CLASSES, type MapColors } from './theme.js';

export interface BoxColumns {
  /** Where each chunk starts when all are stacked, bytes. */
  readonly bases: readonly number[];
  /** Inclusive. */
  readonly starts: Float64Array;
  /** Exclusive. */
  readonly ends: Float64Array;
  /** First byte and the one after the last, from the start of the first chunk: the chunks are stacked. */
  readonly bottoms: Float64Array;
  readonly tops: Float64Array;
  /** Position in the legend, for each way of colouring. */
  readonly fills: Readonly<Record<MapColors, Uint8Array>>;
  /** Bytes in use at each step. */
  readonly load: Float64Array;
  /** The first step with the largest load. */
  readonly peakStep: number;
  /** Bytes of the largest box, at least 1. */
  readonly largest: number;
  readonly reuseCount: number;
  readonly viewCount: number;
  /** Whether the operation of any box is known. */
  readonly hasOperations: boolean;
}

/** A map and its columns: what stays the same, however often a part of it is drawn or asked about. */
export interface IndexedMap {
  readonly map: MemoryMap;
  readonly columns: BoxColumns;
}

/** The map with its columns. O(boxes + steps) */
export function indexMap(map: MemoryMap): IndexedMap {
  return { map, columns: columnsOf(map) };
}

function chunkBases({ chunks }: MemoryMap): number[] {
  let base = 0;
  return chunks.map((size) => (base += size) - size);
}

/** The class of size of a box: {@link SIZE_CLASSES} − 1 for the largest, one less for each quarter of that. */
export function sizeClass(size: number, largest: number): number {
  const quarters = Math.floor(Math.log2(largest / size) / 2);
  return Math.max(0, SIZE_CLASSES - 1 - quarters);
}

/** The columns of a map. O(boxes + steps) */
export function columnsOf(map: MemoryMap): BoxColumns {
  const { boxes, stepCount } = map;
  const bases = chunkBases(map);
  const starts = new Float64Array(boxes.length);
  const ends = new Float64Array(boxes.length);
  const bottoms = new Float64Array(boxes.length);
  const tops = new Float64Array(boxes.length);
  const fills = { family: new Uint8Array(boxes.length), size: new Uint8Array(boxes.length) };
  const load = new Float64Array(stepCount + 1);
  let largest = 1;
  let reuseCount = 0;
  let viewCount = 0;
  let hasOperations = false;
  boxes.forEach(({ start, end, chunk, offset, size, family, reuses, views, op }, b) => {
    starts[b] = start;
    ends[b] = end;
    bottoms[b] = bases[chunk] + offset;
    tops[b] = bottoms[b] + size;
    fills.family[b] = MAP_FAMILIES.indexOf(family);
    load[start] += size;
    load[end] -= size;
    largest = Math.max(largest, size);
    if (reuses !== -1) reuseCount++;
    viewCount += views.length;
    hasOperations ||= op !== '';
  });
  boxes.forEach(({ size }, b) => (fills.size[b] = sizeClass(size, largest)));
  let peakStep = 0;
  for (let step = 1; step < stepCount; step++) {
    load[step] += load[step - 1];
    if (load[step] > load[peakStep]) peakStep = step;
  }
  return {
    bases,
    starts,
    ends,
    bottoms,
    tops,
    fills,
    load: load.subarray(0, stepCount),
    peakStep,
    largest,
    reuseCount,
    viewCount,
    hasOperations,
  };
}

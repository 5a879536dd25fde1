/**
 * What a viewer asks about a map, with answers that are plain data. The map may be on the page, or stay in a worker:
 * see `served-map.ts`.
 *
 * Invariant: all that a viewer knows of a map comes from here.
 */
import { indexMap, type IndexedMap } from '../map/columns.js';
import { defaultColors, drawIndexed, wholeMap, type Drawing } from '../map/draw.js';
import type { MemoryMap } from '../map/memory-map.js';
import type { MapOptions } from '../map/options.js';
import type { MapWindow } from '../map/scale.js';
import type { MapColors } from '../map/theme.js';
import { detailsOf } from './details.js';
import { boxNear, chainOf, neighbour, searchBoxes } from './find-box.js';

/** What is known of a map before it is drawn. */
export interface MapFacts {
  /** The window that shows everything. */
  readonly whole: MapWindow;
  /** What the colours say unless the reader chooses. */
  readonly colors: MapColors;
}

/** Which box: by its index, by its place, by its neighbour in time, or by what tells it from others in a similar map. */
export type BoxQuestion =
  | { readonly index: number }
  | {
      readonly step: number;
      /** From the start of the first chunk. */
      readonly bytes: number;
      /** How far away a box may be to be found. */
      readonly reach: { readonly steps: number; readonly bytes: number };
    }
  | { readonly beside: number; readonly by: 1 | -1 }
  | { readonly name: string; readonly start: number };

/** A box, and all that there is to say about it. */
export interface FoundBox {
  readonly index: number;
  readonly name: string;
  readonly op: string;
  /** Bytes. */
  readonly size: number;
  /** Where it is. */
  readonly area: MapWindow;
  /** Terms and values, in reading order. */
  readonly details: readonly (readonly [string, string])[];
  /** Where all boxes are that had its bytes handed on to or from it, itself included. */
  readonly chain: readonly MapWindow[];
}

/** What a search finds. */
export interface SearchResult {
  /** The best ones, as many as were asked for. */
  readonly boxes: readonly FoundBox[];
  /** How many there are in all. */
  readonly total: number;
}

/** A map, wherever it is. */
export interface MapSource {
  readonly facts: MapFacts;
  /** Draws the part that the options name. */
  draw(options: MapOptions): Promise<Drawing>;
  /** Null if there is none. */
  find(question: BoxQuestion): Promise<FoundBox | null>;
  /** Boxes whose name, operation or view has `query` in it, best first, at most `limit`. */
  search(query: string, limit: number): Promise<SearchResult>;
}

/** What is known of a map before it is drawn. */
export function factsOf(indexed: IndexedMap): MapFacts {
  return { whole: wholeMap(indexed.map), colors: defaultColors(indexed) };
}

/** A map that is on the page itself: answers come before the next frame. */
export function localSource(map: MemoryMap): MapSource {
  const indexed = indexMap(map);
  return {
    facts: factsOf(indexed),
    draw: (options) => Promise.resolve(drawIndexed(indexed, options)),
    find: (question) => Promise.resolve(find(indexed, question)),
    search: (query, limit) => Promise.resolve(search(indexed, query, limit)),
  };
}

export function find(indexed: IndexedMap, question: BoxQuestion): FoundBox | null {
  const index = indexOf(indexed, question);
  return index < 0 || index >= indexed.map.boxes.length ? null : describe(indexed, index);
}

export function search(indexed: IndexedMap, query: string, limit: number): SearchResult {
  const found = searchBoxes(indexed.map, query);
  return { boxes: found.slice(0, limit).map((index) => describe(indexed, index)), total: found.length };
}

function indexOf({ map, columns }: IndexedMap, question: BoxQuestion): number {
  if ('index' in question) return question.index;
  if ('beside' in question) return neighbour(columns, question.beside, question.by);
  if ('reach' in question) return boxNear(columns, question.step, question.bytes, question.reach);
  return map.boxes.findIndex(({ name, start }) => name === question.name && start === question.start);
}

function describe({ map, columns }: IndexedMap, index: number): FoundBox {
  const { name, op, size } = map.boxes[index];
  const { starts, ends, bottoms, tops } = columns;
  const areaOf = (b: number): MapWindow => ({
    steps: { from: starts[b], to: ends[b] },
    bytes: { from: bottoms[b], to: tops[b] },
  });
  const chain = chainOf(map, index).map(areaOf);
  return { index, name, op, size, area: areaOf(index), details: detailsOf(map, index), chain };
}

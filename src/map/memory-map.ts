/**
 * A memory map: what is to be drawn, as plain data that can be printed, sent to a worker or put into a page.
 *
 * Invariant: at any step no two boxes of a chunk share a byte, provided that the plan is right; a tensor that takes over
 * the bytes of another starts where the box of the other ends, so every chain reads as one bar from left to right.
 */
import type { OperationFamily } from '../tensor/operation.js';

/** All that the map colours by, in the order of the legend. */
export const MAP_FAMILIES: readonly MapFamily[] = [
  'input',
  'matrix',
  'attention',
  'norm',
  'element-wise',
  'copy',
  'convolution',
  'recurrence',
  'other',
];

/** What the map colours by: a family of operations, or that nothing computes the tensor during the run. */
export type MapFamily = OperationFamily | 'input';

/** A tensor that looks into the bytes of a box, while it is in use. */
export interface MapView {
  readonly name: string;
  readonly op: string;
  /** Bytes from the start of the box. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** Inclusive. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** One rectangle: bytes of one storage, over steps. */
export interface MapBox {
  readonly name: string;
  /** ggml's name of the operation; empty if unknown. */
  readonly op: string;
  readonly family: MapFamily;
  /** Element type; empty if unknown. */
  readonly type: string;
  /** Empty if unknown. */
  readonly shape: readonly number[];
  readonly chunk: number;
  /** Bytes from the start of the chunk. */
  readonly offset: number;
  /** Bytes, padded to the alignment. */
  readonly size: number;
  /** Inclusive. */
  readonly start: number;
  /**
   * Exclusive; the step at which another tensor takes the bytes over, if one does. That may be `start`: an input that
   * the first node overwrites has no step to itself.
   */
  readonly end: number;
  /** Index of the box whose bytes this tensor overwrites as their last reader; -1 if they were free. */
  readonly reuses: number;
  /** Index of the box that takes these bytes over; -1 if they become free. */
  readonly reusedBy: number;
  readonly views: readonly MapView[];
}

/** Steps that one device computes, one after the other. */
export interface MapRun {
  /** Index in the names of {@link MapDevices}. */
  readonly device: number;
  /** Inclusive. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** Which device computes each step. */
export interface MapDevices {
  /** The CPU is the last. */
  readonly names: readonly string[];
  /** From the first step to the last, without gaps. */
  readonly runs: readonly MapRun[];
}

/** Where everything is, and when. All sizes in bytes. */
export interface MemoryMap {
  /** How the placement was found. */
  readonly allocator: string;
  readonly stepCount: number;
  /** Size of each chunk; a picture stacks them. */
  readonly chunks: readonly number[];
  readonly bufferSize: number;
  readonly lowerBound: number;
  readonly boxes: readonly MapBox[];
  /** Buffers that the boxes are of; absent where each is one of its own. */
  readonly bufferCount?: number;
  /** The pool of each chunk, by its name; absent where all chunks are of one memory. */
  readonly poolNames?: readonly string[];
  /** Which device computes when; absent where there is only one. */
  readonly devices?: MapDevices;
  /** Whether offsets were fixed, so that the bound holds with these alone; absent if none were. */
  readonly hasFixedOffsets?: true;
  /** What the steps 0 to `stepCount` are called, ascending; absent where they are called by their numbers. */
  readonly steps?: readonly number[];
}

/** What a step is called: its number, unless the map says otherwise. */
export function stepName({ steps }: Pick<MemoryMap, 'steps'>, step: number): number {
  return steps?.[step] ?? step;
}

/** What a chunk is called: its number, and the pool that it is of, if there are several. */
export function chunkName({ poolNames }: Pick<MemoryMap, 'poolNames'>, chunk: number): string {
  return poolNames === undefined ? `chunk ${chunk}` : `chunk ${chunk} of ${poolNames[chunk]}`;
}

/** The name of the device that computes a step; null if there is only one, which nobody names. O(log runs) */
export function deviceAt({ devices }: Pick<MemoryMap, 'devices'>, step: number): string | null {
  if (devices === undefined) return null;
  const { names, runs } = devices;
  let [low, high] = [0, runs.length - 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (runs[middle].end <= step) low = middle + 1;
    else high = middle;
  }
  return runs.length === 0 ? null : names[runs[low].device];
}

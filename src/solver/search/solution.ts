/**
 * What a search for the lowest placement may spend, and what it finds.
 */
import type { OptionNames } from '../../errors.js';
import { PLACE_OPTIONS, type Placement, type PlaceOptions } from '../allocator.js';
import type { StopReason } from '../budget.js';

/** What `solve` may spend, and what it is asked for. */
export interface SolveOptions extends PlaceOptions {
  /** Bytes: decide whether a placement within them exists. Default: minimise. */
  readonly capacity?: number;
  /**
   * Most effort that the search may spend, the one limit that is the same on every machine. Default 200 000: some seconds.
   * A unit is one node of the exact search, or 2,500 accesses to sets of intervals in a greedy placement, of which a limit of
   * up to 200 000 allows 50 million at most.
   */
  readonly maxEffort?: number;
  /** Milliseconds; one placement is always finished. Default: no limit; with one, the result depends on the machine. */
  readonly timeLimitMs?: number;
  /**
   * An `AbortSignal`: ends the search with the best placement so far; one is always finished. It is looked at every 256 units of effort. While `solve` runs
   * nothing but `onProgress` can abort it, since it is synchronous; `solveAsync` lets others do that.
   */
  readonly signal?: { readonly aborted: boolean };
  /** Called at every improvement and every 256 units of effort. */
  readonly onProgress?: (progress: SolveProgress) => void;
}

/** Their names. */
export const SOLVE_OPTIONS: OptionNames<SolveOptions> = {
  ...PLACE_OPTIONS,
  capacity: true,
  maxEffort: true,
  timeLimitMs: true,
  signal: true,
  onProgress: true,
};

/** How far a search has come. */
export interface SolveProgress {
  /** Bytes of all chunks of the best placement so far; `Infinity` while none within `maxChunkSize` is known. */
  readonly bufferSize: number;
  /** Bytes that no placement can do without. */
  readonly lowerBound: number;
  /** Effort spent so far, in the unit of `maxEffort`. */
  readonly effort: number;
}

/** Why no placement below `bytes` exists: something that can be checked without the solver. */
export type Certificate =
  /** So many bytes are live at this step. */
  | { readonly kind: 'load'; readonly bytes: number; readonly step: number }
  /**
   * At this step, the buffers that are aligned to `alignment` or more take so many bytes, each but the one on top being padded to
   * a multiple of it.
   */
  | { readonly kind: 'aligned'; readonly bytes: number; readonly step: number; readonly alignment: number }
  /**
   * At this step, the buffers that are aligned to `alignment` or more reach so many bytes if they lie on top of each other, in the best of
   * all orders.
   */
  | { readonly kind: 'stacked'; readonly bytes: number; readonly step: number; readonly alignment: number }
  /** This buffer by itself ends there, at its fixed offset or at 0: gaps may leave it less than its size at every step. */
  | { readonly kind: 'end'; readonly bytes: number; readonly buffer: number }
  /** The search tree for everything below `bytes` was exhausted, after so many nodes; run it again to check. */
  | { readonly kind: 'exhausted'; readonly bytes: number; readonly nodes: number };

/** What `solve` found. */
export interface Solution extends Placement {
  /**
   * `optimal`: no placement is smaller. `feasible`: valid, and within the capacity if one was given. `infeasible`: none
   * is within the capacity. `unknown`: none was found within it. The placement is valid in all four.
   */
  readonly status: 'optimal' | 'feasible' | 'infeasible' | 'unknown';
  /** Bytes of all chunks together. */
  readonly bufferSize: number;
  /** Bytes that no placement can do without. */
  readonly lowerBound: number;
  /** The proof of `lowerBound`. */
  readonly certificate: Certificate;
  /** Effort spent, in the unit of `maxEffort`. */
  readonly effort: number;
  /** What ended the search. */
  readonly stopped: StopReason;
}

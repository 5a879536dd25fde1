/**
 * The options and the result of `solve`.
 */
import type { OptionNames } from '../../errors.js';
import { PLACE_OPTIONS, type Placement, type PlaceOptions } from '../allocator.js';
import type { StopReason } from '../budget.js';

/** What `solve` may spend, and what it is asked for. */
export interface SolveOptions extends PlaceOptions {
  /** Bytes: decide whether a placement within them exists. Default: minimise. */
  readonly capacity?: number;
  /**
   * Most effort that the search may spend, the one limit that is the same on every machine. Default 200 000: some
   * seconds. A unit is one node of the exact search, or 2,500 accesses to sets of intervals in a greedy placement, of
   * which a limit of up to 200 000 allows at most 50 million.
   */
  readonly maxEffort?: number;
  /** Milliseconds; one placement is always finished. Default: no limit; with one, the result depends on the machine. */
  readonly timeLimitMs?: number;
  /**
   * An `AbortSignal` that ends the search with the best placement so far; one placement is always finished. The signal
   * is checked every 256 units of effort. Only `onProgress` can abort `solve`, which is synchronous; `solveAsync` also
   * lets other code abort it.
   */
  readonly signal?: { readonly aborted: boolean };
  /** Called at every improvement and every 256 units of effort. */
  readonly onProgress?: (progress: SolveProgress) => void;
}

/** The option names, for checks. */
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
  /** Bytes that no placement can go below. */
  readonly lowerBound: number;
  /** Effort spent so far, in the unit of `maxEffort`. */
  readonly effort: number;
}

/** Why no placement below `bytes` exists: something that can be checked without the solver. */
export type Certificate =
  /** At this step, `bytes` are live. */
  | { readonly kind: 'load'; readonly bytes: number; readonly step: number }
  /**
   * At this step, the buffers that are aligned to `alignment` or more take `bytes`, with each but the one on top padded
   * to a multiple of `alignment`.
   */
  | { readonly kind: 'aligned'; readonly bytes: number; readonly step: number; readonly alignment: number }
  /**
   * At this step, the buffers that are aligned to `alignment` or more reach `bytes` on top of each other, in the best
   * of all orders.
   */
  | { readonly kind: 'stacked'; readonly bytes: number; readonly step: number; readonly alignment: number }
  /**
   * This buffer by itself ends at `bytes`, from its fixed offset or from 0. The live load can be less: gaps may release
   * bytes at every step.
   */
  | { readonly kind: 'end'; readonly bytes: number; readonly buffer: number }
  /**
   * The search tree for placements below `bytes` was exhausted after `nodes` nodes; to check that, run the search
   * again.
   */
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
  /** Bytes that no placement can go below. */
  readonly lowerBound: number;
  /** The proof of `lowerBound`. */
  readonly certificate: Certificate;
  /** Effort spent, in the unit of `maxEffort`. */
  readonly effort: number;
  /** What ended the search. */
  readonly stopped: StopReason;
}

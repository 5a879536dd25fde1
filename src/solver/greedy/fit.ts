/**
 * What it is to fit buffers one by one: whatever its data structure, a fit gives the same offsets.
 *
 * Invariant: what is taken stays until `reset`.
 */
export interface LowestFit {
  /** Effort so far: sets read or changed and intervals met, 20 to 100 ns each. */
  readonly steps: number;
  /** Frees everything. */
  reset(): void;
  /** The lowest free offset for a buffer, at least `from`, aligned. */
  find(buffer: number, from?: number): number;
  /** Takes what a buffer needs when it lies at `offset`. */
  take(buffer: number, offset: number): void;
}

/** So many of its steps count as one step of the exact search. */
export const EFFORT_PER_STEP = 2500;

/**
 * What it is to fit buffers one by one: whatever its data structure, a fit gives the same offsets.
 *
 * Invariant: what is taken stays until `reset`.
 */
export interface LowestFit {
  /** Work so far: sets read or changed and intervals met, 20 to 100 ns each. */
  readonly work: number;
  /** Frees everything. */
  reset(): void;
  /** The lowest free offset for a buffer, at least `from`, aligned. */
  find(buffer: number, from?: number): number;
  /** Takes what a buffer needs when it lies at `offset`. */
  take(buffer: number, offset: number): void;
}

/** So much work counts as one unit of effort. */
export const WORK_PER_EFFORT = 2500;

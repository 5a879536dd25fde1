/**
 * The interface of the lowest fit, which finds and takes offsets buffer by buffer. All implementations give the same
 * offsets.
 *
 * Invariant: bytes once taken stay taken until `reset`.
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

/** Work per unit of effort. */
export const WORK_PER_EFFORT = 2500;

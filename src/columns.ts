/**
 * Columns: typed arrays that belong together.
 *
 * One buffer for all columns of a table, because an engine takes microseconds to allocate a typed array of its own.
 */

/** Cuts columns of one buffer, those of wider entries first. */
export class ColumnSet {
  readonly #buffer: ArrayBuffer;
  #used = 0;

  /** @param bytes of all columns together */
  constructor(bytes: number) {
    this.#buffer = new ArrayBuffer(bytes);
  }

  float64(length: number): Float64Array {
    return new Float64Array(this.#buffer, this.#take(8 * length), length);
  }

  int32(length: number): Int32Array {
    return new Int32Array(this.#buffer, this.#take(4 * length), length);
  }

  uint8(length: number): Uint8Array {
    return new Uint8Array(this.#buffer, this.#take(length), length);
  }

  #take(bytes: number): number {
    const start = this.#used;
    this.#used += bytes;
    return start;
  }
}

/** A longer copy of a column, with zeros behind its values. Default: twice as long. */
export function grown<T extends Uint8Array | Int32Array | Float64Array>(column: T, length = 2 * column.length): T {
  const longer = new (column.constructor as new (length: number) => T)(length);
  longer.set(column);
  return longer;
}

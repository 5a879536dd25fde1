/**
 * A reader over the bytes of a header: it reads in order, and asks the source for more bytes only when they run out.
 * Numbers are little-endian.
 *
 * Invariant: no more than `MAX_HEADER_BYTES` are ever read or kept.
 */
import { named, PlannerError } from '../errors.js';
import type { RangeSource } from './range-source.js';

/** Twice the size that the largest tokenisers take; the parser itself would allow 50 MB. */
const MAX_HEADER_BYTES = 32_000_000;
const FIRST_READ_BYTES = 2_000_000;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Thrown inside of {@link HeaderBytes.whole} only. */
const RAN_OUT = new Error('more bytes are needed');

export class HeaderBytes {
  readonly #source: RangeSource;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #position = 0;

  constructor(source: RangeSource) {
    this.#source = source;
  }

  /** All that has been read so far, from the start of the file. */
  get all(): Uint8Array {
    return this.#bytes;
  }

  /**
   * Runs `scan`. While bytes run out, reads more and runs `scan` again from the same position.
   *
   * @throws PlannerError `BAD_GGUF` if the source ends first, or the header is too long
   */
  async whole<T>(scan: () => T): Promise<T> {
    const start = this.#position;
    for (;;) {
      try {
        return scan();
      } catch (error) {
        if (error !== RAN_OUT) throw error;
      }
      this.#position = start;
      await this.#readMore();
    }
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4), true);
  }

  /** The next unsigned 64-bit integer, rounded above 2^53. */
  u64(): number {
    const at = this.skip(8);
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }

  text(length: number): string {
    const start = this.skip(length);
    return utf8.decode(this.#bytes.subarray(start, start + length));
  }

  /** Skips `length` bytes, and returns the position of the first. */
  skip(length: number): number {
    const start = this.#position;
    if (start + length > this.#bytes.byteLength) throw RAN_OUT;
    this.#position = start + length;
    return start;
  }

  /**
   * Doubles the bytes that are read, so that all repeated scans of an entry together cost no more than the last one.
   */
  async #readMore(): Promise<void> {
    const { name } = this.#source;
    const { byteLength } = this.#bytes;
    if (byteLength >= MAX_HEADER_BYTES) {
      const message = `${named(name)} has a header of more than ${MAX_HEADER_BYTES} bytes, more than any model needs.`;
      throw damagedHeader(message, name, `longer than ${MAX_HEADER_BYTES} bytes`, 'a file whose header is shorter');
    }
    const end = Math.min(Math.max(2 * byteLength, FIRST_READ_BYTES), MAX_HEADER_BYTES);
    const more = await this.#source.read(byteLength, end);
    if (more.byteLength === 0) {
      const found = byteLength === 0 ? 'empty' : `cut off after ${byteLength} bytes, before its header ends`;
      throw damagedHeader(`${named(name)} is ${found}.`, name, found, 'a file with a complete header');
    }
    const all = new Uint8Array(byteLength + more.byteLength);
    all.set(this.#bytes);
    all.set(more, byteLength);
    this.#bytes = all;
    this.#view = new DataView(all.buffer);
  }
}

export function damagedHeader(
  message: string,
  culprit: string,
  value: string | number,
  limit: string,
  remedy = 'Download or convert the file again; the header alone is enough, but it must be whole.',
): PlannerError {
  return new PlannerError('BAD_GGUF', { message, culprit, value, limit, remedy });
}

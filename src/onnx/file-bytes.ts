/**
 * A reader over the bytes of a file, in order, which can skip bytes without reading them.
 *
 * Invariant: no more than one window of the file is kept, so a file may be larger than memory.
 */
import { named, PlannerError } from '../errors.js';
import type { RangeSource } from '../gguf/range-source.js';

/** Bytes that are read at once. */
const WINDOW_BYTES = 2 ** 20;
const FEW_BYTES = 64;

export class FileBytes {
  readonly name: string;
  /** Bytes before the reader, from the start of the file. */
  position = 0;
  readonly #source: RangeSource;
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;

  constructor(source: RangeSource) {
    this.#source = source;
    this.name = source.name;
  }

  /** Bytes that can be read without waiting. */
  get ready(): number {
    return Math.max(0, this.#windowStart + this.#window.byteLength - this.position);
  }

  /** Makes `count` bytes ready, or all that are left. Returns how many are. */
  async fill(count: number): Promise<number> {
    if (this.ready >= count) return this.ready;
    const { position } = this;
    const parts = [this.#take(this.ready)];
    for (let length = parts[0].byteLength; length < count;) {
      const part = await this.#source.read(position + length, position + Math.max(count, length + WINDOW_BYTES));
      if (part.byteLength === 0) break;
      parts.push(part);
      length += part.byteLength;
    }
    this.position = position;
    this.#windowStart = position;
    this.#window = parts.length === 2 && parts[0].byteLength === 0 ? parts[1] : joined(parts);
    return this.ready;
  }

  /** The next byte. Asks for it first: a file that ends here is cut off. @throws PlannerError `BAD_ONNX` */
  byte(): number {
    if (this.ready === 0) throw cutOff(this.name, this.position);
    return this.#window[this.position++ - this.#windowStart];
  }

  /** Copies the next bytes, which are ready. @throws PlannerError `BAD_ONNX` */
  copy(count: number, into: Uint8Array, at: number): void {
    if (this.ready < count) throw cutOff(this.name, this.position + this.ready);
    // A view for each of the many small fields would be half of all work.
    if (count > FEW_BYTES) {
      into.set(this.#take(count), at);
      return;
    }
    const start = this.position - this.#windowStart;
    for (let index = 0; index < count; index++) into[at + index] = this.#window[start + index];
    this.position += count;
  }

  /** Skips bytes, and reads none but the last. @throws PlannerError `BAD_ONNX` if the file ends before */
  async skip(count: number): Promise<void> {
    if (count === 0) return;
    this.position += count - 1;
    if ((await this.fill(1)) === 0) throw cutOff(this.name, null);
    this.position++;
  }

  #take(count: number): Uint8Array {
    const start = this.position - this.#windowStart;
    this.position += count;
    return this.#window.subarray(start, start + count);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let length = 0;
  for (const part of parts) {
    all.set(part, length);
    length += part.byteLength;
  }
  return all;
}

function cutOff(name: string, position: number | null): PlannerError {
  const where = position === null ? 'before its model ends' : `after ${position} bytes, before its model ends`;
  return badOnnx(`${named(name)} is cut off ${where}.`, name, `cut off ${where}`, 'a file with a complete model');
}

export function badOnnx(
  message: string,
  culprit: string,
  value: unknown,
  limit: string,
  remedy = 'Download or export the file again.',
): PlannerError {
  return new PlannerError('BAD_ONNX', { message, culprit, value, limit, remedy });
}

/**
 * Tables and vectors of a flatbuffer, checked against the file before they are used.
 *
 * Invariant: whatever the bytes are, every read lies within them or is an error. All reads together take time linear in
 * the file's length, though a file may point at one vector from many places.
 */
import { ByteBuffer } from 'flatbuffers';
import { named, PlannerError } from '../errors.js';
import { checkBytes } from '../units.js';

/** Bytes of one entry that refers to something elsewhere. */
const REFERENCE = 4;

/** Entries and tables that may be read for each byte of the file: each takes four bytes or more where nothing is shared. */
const READS_PER_BYTE = 1;

/** The bytes of a file, and how much of them has been read. */
export class FlatFile {
  readonly buffer: ByteBuffer;
  readonly #name: string;
  #left: number;

  /** @param name of the file, in messages */
  constructor(bytes: Uint8Array, name: string) {
    this.buffer = new ByteBuffer(bytes);
    this.#name = name;
    this.#left = 1024 + READS_PER_BYTE * bytes.length;
  }

  /** The table at a byte. @throws PlannerError `BAD_TFLITE` */
  tableAt(at: number, label: string): FlatTable {
    return new FlatTable(this, at, label);
  }

  get length(): number {
    return this.buffer.capacity();
  }

  /** The table at the file's root. @throws PlannerError `BAD_TFLITE` */
  root(): FlatTable {
    this.check(0, REFERENCE, 'the root');
    return new FlatTable(this, this.buffer.readUint32(0), 'the model');
  }

  /** @throws PlannerError `BAD_TFLITE` unless `count` bytes from `start` on are there */
  check(start: number, count: number, what: string): void {
    if (start >= 0 && start + count <= this.length) return;
    this.fail(`${what} lies at bytes ${start} to ${start + count}, outside the ${this.length} bytes of the file`, what);
  }

  /** Counts what is read. @throws PlannerError `BAD_TFLITE` if far more is read than the file holds */
  spend(count: number, what: string): void {
    this.#left -= count;
    if (this.#left < 0) this.fail(`${what} refers to the same bytes so often that the file has no end`, what);
  }

  /** @throws PlannerError `BAD_TFLITE` always */
  fail(sentence: string, culprit: string): never {
    throw new PlannerError('BAD_TFLITE', {
      message: `${named(this.#name)}: ${sentence}.`,
      culprit,
      value: sentence,
      limit: 'a TFLite flatbuffer whose parts lie within the file',
      remedy: 'Get the file again, or convert the model again.',
    });
  }
}

/** One table; fields are known by their number in the schema. A field that is left out has its default. */
export class FlatTable {
  /** What messages call it. */
  readonly label: string;
  readonly #file: FlatFile;
  readonly #at: number;
  readonly #vtable: number;
  readonly #vtableSize: number;

  constructor(file: FlatFile, at: number, label: string) {
    this.label = label;
    this.#file = file;
    this.#at = at;
    file.spend(1, label);
    file.check(at, 4, label);
    this.#vtable = at - file.buffer.readInt32(at);
    file.check(this.#vtable, 4, `the list of fields of ${label}`);
    this.#vtableSize = file.buffer.readUint16(this.#vtable);
    file.check(this.#vtable, this.#vtableSize, `the list of fields of ${label}`);
  }

  has(field: number): boolean {
    return this.#find(field, 1) !== 0;
  }

  bool(field: number): boolean {
    return this.u8(field) !== 0;
  }

  u8(field: number, otherwise = 0): number {
    const at = this.#find(field, 1);
    return at === 0 ? otherwise : this.#file.buffer.readUint8(at);
  }

  i8(field: number, otherwise = 0): number {
    const at = this.#find(field, 1);
    return at === 0 ? otherwise : this.#file.buffer.readInt8(at);
  }

  i32(field: number, otherwise = 0): number {
    const at = this.#find(field, 4);
    return at === 0 ? otherwise : this.#file.buffer.readInt32(at);
  }

  u32(field: number, otherwise = 0): number {
    const at = this.#find(field, 4);
    return at === 0 ? otherwise : this.#file.buffer.readUint32(at);
  }

  /** @throws PlannerError `BYTES_TOO_LARGE` above 2^53 - 1 */
  u64(field: number): number {
    const at = this.#find(field, 8);
    return at === 0 ? 0 : checkBytes(Number(this.#file.buffer.readUint64(at)), this.label);
  }

  f32(field: number, otherwise = 0): number {
    const at = this.#find(field, 4);
    return at === 0 ? otherwise : this.#file.buffer.readFloat32(at);
  }

  /** A text; null if it is left out. */
  text(field: number, what: string): string | null {
    const bytes = this.bytes(field, what);
    if (bytes === null) return null;
    this.#file.spend(bytes.length, what);
    return new TextDecoder().decode(bytes);
  }

  /** The bytes of a vector, which stay where they are; null if it is left out. */
  bytes(field: number, what: string): Uint8Array | null {
    const vector = this.#vector(field, 1, what);
    return vector === null ? null : this.#file.buffer.bytes().subarray(vector.first, vector.first + vector.count);
  }

  /** A vector of 32-bit integers; null if it is left out. */
  ints(field: number, what: string): number[] | null {
    const vector = this.#vector(field, 4, what);
    if (vector === null) return null;
    this.#file.spend(vector.count, what);
    return Array.from({ length: vector.count }, (_, index) => this.#file.buffer.readInt32(vector.first + 4 * index));
  }

  /** The numbers of the fields that the table has, in their order. */
  fields(): number[] {
    const count = Math.max(0, Math.floor((this.#vtableSize - 4) / 2));
    return Array.from({ length: count }, (_, field) => field).filter((field) => this.#find(field, 1) !== 0);
  }

  /** The byte that a field refers to; 0 if it is left out. */
  targetOf(field: number): number {
    const at = this.#find(field, REFERENCE);
    return at === 0 ? 0 : at + this.#file.buffer.readUint32(at);
  }

  /** The bytes that the entries of a vector of tables refer to; none if it is left out. */
  references(field: number, what: string): number[] {
    const vector = this.#vector(field, REFERENCE, what);
    if (vector === null) return [];
    this.#file.spend(vector.count, what);
    return Array.from({ length: vector.count }, (_, index) => {
      const at = vector.first + REFERENCE * index;
      return at + this.#file.buffer.readUint32(at);
    });
  }

  table(field: number, what: string): FlatTable | null {
    const at = this.targetOf(field);
    return at === 0 ? null : new FlatTable(this.#file, at, what);
  }

  /** A vector of tables, each as what `read` makes of it; empty if it is left out. */
  tables<T>(field: number, what: string, read: (table: FlatTable, index: number) => T): T[] {
    return this.references(field, what).map((at, index) =>
      read(new FlatTable(this.#file, at, `${what} ${index}`), index),
    );
  }

  /** Where the content of a field lies; 0 if it is left out. */
  #find(field: number, size: number): number {
    const entry = 4 + 2 * field;
    if (entry + 2 > this.#vtableSize) return 0;
    const offset = this.#file.buffer.readUint16(this.#vtable + entry);
    if (offset === 0) return 0;
    this.#file.check(this.#at + offset, size, `field ${field} of ${this.label}`);
    return this.#at + offset;
  }

  #vector(field: number, size: number, what: string): { first: number; count: number } | null {
    const at = this.#find(field, REFERENCE);
    if (at === 0) return null;
    const { buffer } = this.#file;
    const start = at + buffer.readUint32(at);
    this.#file.check(start, 4, what);
    const count = buffer.readUint32(start);
    this.#file.check(start + 4, count * size, what);
    return { first: start + 4, count };
  }
}

/**
 * Copies an ONNX file without its weights and without texts that nobody reads, so that what is left can be decoded as a
 * whole.
 *
 * The library that decodes a message has to hold all of it, and a model may be larger than memory. It also makes an
 * object of every message and a bigint of every number, of which a small hostile file can state many millions.
 *
 * Invariant: time and memory are bounded by the limits below, whatever the file says; of a field that is kept every byte
 * is kept. Nothing here knows what the fields mean, only which are messages and which are data.
 */
import { named, wrongValue } from '../errors.js';
import { badOnnx, type FileBytes } from './file-bytes.js';

/** What is done with the fields of one kind of message, by field number; all others are left out. */
interface MessageKind {
  /** Copied as they are. */
  readonly kept: readonly number[];
  /** Messages of a kind of their own. */
  readonly messages: Readonly<Record<number, MessageKind>>;
  /** Lists and texts that are left out where a message has more than so many bytes of them: too many to decide a shape. */
  readonly data: Readonly<Record<number, number>>;
  /** The field of its `doc_string`, which is set in the copy if data was left out, and only then. */
  readonly mark?: number;
}

/** 1,024 integers of 64 bits: more than any shape has. */
const RAW_BYTES = 8192;
/** Elements one by one cost more to decode. */
const LIST_BYTES = 1024;

const TENSOR: MessageKind = {
  kept: [1, 2, 8, 13, 14],
  messages: {},
  data: { 4: LIST_BYTES, 5: LIST_BYTES, 7: LIST_BYTES, 9: RAW_BYTES, 10: LIST_BYTES, 11: LIST_BYTES },
  mark: 12,
};
const SPARSE: MessageKind = { kept: [3], messages: { 1: TENSOR, 2: TENSOR }, data: {} };
const GRAPH_FIELDS: Record<number, MessageKind> = { 5: TENSOR, 15: SPARSE };
const GRAPH: MessageKind = { kept: [2, 11, 12, 13], messages: GRAPH_FIELDS, data: {} };
const ATTRIBUTE: MessageKind = {
  kept: [1, 2, 3, 20, 21],
  messages: { 5: TENSOR, 6: GRAPH, 10: TENSOR, 11: GRAPH, 22: SPARSE, 23: SPARSE },
  data: { 4: RAW_BYTES, 7: RAW_BYTES, 8: RAW_BYTES, 9: RAW_BYTES },
  mark: 13,
};
const NODE: MessageKind = { kept: [1, 2, 3, 4, 7, 8], messages: { 5: ATTRIBUTE }, data: {} };
GRAPH_FIELDS[1] = NODE;
const FUNCTION: MessageKind = { kept: [1, 4, 5, 6, 9, 10, 13], messages: { 7: NODE, 11: ATTRIBUTE }, data: {} };
const MODEL: MessageKind = { kept: [1, 2, 8], messages: { 7: GRAPH, 25: FUNCTION }, data: {} };

/** Bytes that are left of the largest models: a hundredth of it. */
const MAX_BYTES = 2 ** 26;
/** Fields, and numbers in lists, that are copied. */
const MAX_ITEMS = 4_000_000;
/** Bytes of a name or of the description of an input. */
const MAX_FIELD_BYTES = 2 ** 16;
/** Messages within messages: a body of a node in a body takes three. */
const MAX_DEPTH = 48;
/** The longest field key and length together. */
const MAX_HEADER_BYTES = 20;
/** A length is written in so many bytes, since it is known only when its message ends. */
const LENGTH_BYTES = 5;

interface Frame {
  readonly kind: MessageKind;
  /** Where it ends in the file. */
  readonly end: number;
  /** Where its content begins in the copy. */
  readonly start: number;
  /** Bytes of data that it has, so far. */
  dataBytes: number;
  /** Whether data was left out. */
  isCut: boolean;
}

/**
 * The model without its weights, as a message of the same format.
 *
 * @throws PlannerError `BAD_ONNX`
 */
export async function skim(file: FileBytes): Promise<Uint8Array> {
  const copy = new Copy(file.name);
  const frames: Frame[] = [{ kind: MODEL, end: Infinity, start: 0, dataBytes: 0, isCut: false }];
  for (;;) {
    const frame = frames[frames.length - 1];
    if (file.position === frame.end) {
      if (frame.isCut && frame.kind.mark !== undefined) copy.mark(8 * frame.kind.mark + LENGTH);
      copy.close(frame.start);
      frames.pop();
      continue;
    }
    if (file.ready < MAX_HEADER_BYTES && (await file.fill(MAX_HEADER_BYTES)) === 0 && frames.length === 1) break;
    const key = varint(file);
    const [field, wire] = [Math.floor(key / 8), key % 8];
    const length = wire === LENGTH ? varint(file) : wire === VARINT ? null : (FIXED[wire] ?? -1);
    if (field < 1 || length === -1) throw notAField(file, key);
    if (length !== null && file.position + length > frame.end) throw tooLong(file, length, frame.end);
    const message = wire === LENGTH ? frame.kind.messages[field] : undefined;
    if (message !== undefined) {
      if (frames.length === MAX_DEPTH) throw tooDeep(file);
      const start = copy.open(key);
      frames.push({ kind: message, end: file.position + length!, start, dataBytes: 0, isCut: false });
      continue;
    }
    const most = frame.kind.data[field];
    const isKept = most === undefined ? frame.kind.kept.includes(field) : takes(frame, copy, length ?? 1, most);
    frame.isCut ||= most !== undefined && !isKept;
    if (length === null) {
      const start = file.position;
      varint(file);
      const count = file.position - start;
      file.position = start;
      if (isKept) copy.field(key, file, count);
      else file.position += count;
    } else if (!isKept) {
      await file.skip(length);
    } else {
      if (length > MAX_FIELD_BYTES) throw longField(file, length);
      if (file.ready < length) await file.fill(length);
      copy.field(key, file, length);
    }
  }
  return copy.bytes;
}

const VARINT = 0;
const LENGTH = 2;
/** Bytes of a number of fixed length, by wire type. */
const FIXED: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/** Whether so many bytes of data are to be copied, which are counted then. */
function takes(frame: Frame, copy: Copy, length: number, most: number): boolean {
  frame.dataBytes += length;
  return frame.dataBytes <= most && copy.hasRoomFor(length);
}

/** The next number of up to ten bytes, as the file encodes it; rounded above 2^53. */
function varint(file: FileBytes): number {
  let value = 0;
  let factor = 1;
  for (let index = 0; index < 10; index++) {
    const byte = file.byte();
    value += (byte % 128) * factor;
    if (byte < 128) return value;
    factor *= 128;
  }
  throw badOnnx(
    `${named(file.name)} has a number of more than ten bytes, which ends before byte ${file.position}.`,
    file.name,
    'a number of more than ten bytes',
    'numbers of at most ten bytes',
  );
}

function notAField({ name, position }: FileBytes, key: number): Error {
  const found = `a field that no format has (key ${key}) before byte ${position}`;
  return badOnnx(`${named(name)} has ${found}.`, name, found, 'an ONNX model');
}

function tooLong({ name, position }: FileBytes, length: number, end: number): Error {
  const found = `a field of ${length} bytes at byte ${position}`;
  return badOnnx(
    `${named(name)} has ${found}, but its message ends at byte ${end}.`,
    name,
    found,
    'fields within their messages',
  );
}

function tooDeep({ name }: FileBytes): Error {
  const limit = `at most ${MAX_DEPTH} levels of messages`;
  return wrongValue('BAD_ONNX', {
    culprit: name,
    value: 'nested deeper',
    limit,
    remedy: 'Flatten the graphs in its nodes.',
  });
}

function longField({ name, position }: FileBytes, length: number): Error {
  const found = `a name or description of ${length} bytes at byte ${position}`;
  const limit = `at most ${MAX_FIELD_BYTES} bytes`;
  return badOnnx(`${named(name)} has ${found}; ${limit} are read.`, name, found, limit);
}

/** The copy, which grows. */
class Copy {
  readonly #name: string;
  #bytes = new Uint8Array(2 ** 16);
  #length = 0;
  #items = 0;

  constructor(name: string) {
    this.#name = name;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Whether so many bytes of data can be copied, each of which may be a number. */
  hasRoomFor(length: number): boolean {
    this.#items += length;
    if (this.#items <= MAX_ITEMS) return true;
    this.#items -= length;
    return false;
  }

  /** Begins a message, and returns where its content begins. */
  open(key: number): number {
    this.#header(key, LENGTH_BYTES + 1);
    this.#length += LENGTH_BYTES;
    return this.#length;
  }

  /** Ends the message whose content begins at `start`. */
  close(start: number): void {
    let rest = this.#length - start;
    for (let index = 1; index <= LENGTH_BYTES; index++) {
      this.#bytes[start - LENGTH_BYTES + index - 1] = (rest % 128) + (index === LENGTH_BYTES ? 0 : 128);
      rest = Math.floor(rest / 128);
    }
  }

  /** A field whose content is the next `count` bytes of the file. */
  field(key: number, file: FileBytes, count: number): void {
    this.#header(key, LENGTH_BYTES + count);
    const start = this.#length + (key % 8 === LENGTH ? LENGTH_BYTES : 0);
    file.copy(count, this.#bytes, start);
    this.#length = start + count;
    if (key % 8 === LENGTH) this.close(start);
  }

  /** A text of one character. */
  mark(key: number): void {
    const start = this.open(key);
    this.#bytes[this.#length++] = 120;
    this.close(start);
  }

  /** Writes a key, and makes room for `more` bytes behind it. */
  #header(key: number, more: number): void {
    this.#items++;
    const needed = this.#length + LENGTH_BYTES + more;
    if (needed > MAX_BYTES || this.#items > MAX_ITEMS) throw this.#tooLarge();
    if (needed > this.#bytes.byteLength) {
      const larger = new Uint8Array(Math.min(2 * needed, MAX_BYTES));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    let rest = key;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) + 128;
    this.#bytes[this.#length++] = rest;
  }

  #tooLarge(): Error {
    const limit = `${MAX_BYTES} bytes and ${MAX_ITEMS} fields besides its weights`;
    const message = `${named(this.#name)} has more than ${limit}, more than any model needs.`;
    return badOnnx(message, this.#name, `more than ${limit}`, `at most ${limit}`);
  }
}

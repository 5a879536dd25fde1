/**
 * A TFLite file with one buffer and one entry of metadata more: a new root table is put before the old bytes, which it
 * refers to.
 *
 * Invariant: references of a flatbuffer point forwards from where they stand, so old parts need no change; the old bytes
 * keep their alignment.
 */
import { checkArgument } from '../errors.js';
import { alignUp } from '../units.js';
import { FlatFile } from './flat-table.js';

/** All that is put before a file is a multiple of this long, as large an alignment as the schema asks for, and more. */
const ALIGNMENT = 64;
const VERSION_FIELD = 0;
const BUFFERS_FIELD = 4;
const METADATA_FIELD = 6;

/** The bytes of `old`, whose entries of metadata of that name are left out, with `content` as such an entry. */
export function prependModel(old: Uint8Array, name: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts = oldParts(old, name);
  const text = new TextEncoder().encode(name);
  const places = placesOf(parts, text.length, content.length);
  const bytes = new Uint8Array(places.end + old.length);
  bytes.set(old, places.end);
  bytes.set(old.subarray(4, 8), 4); // the identifier
  bytes.set(text, places.entryName + 4);
  bytes.set(content, places.data + 4);
  const writer = new Writer(bytes);
  writeRoot(writer, parts, places);
  writer.list(places.bufferList, parts.buffers, places.end, places.buffer);
  writer.list(places.metadataList, parts.metadata, places.end, places.entry);
  // The entry of metadata: its name, and the number of its buffer.
  writer.vtable(places.entryFields, 12, [4, 8]);
  writer.u32(places.entry, places.entry - places.entryFields);
  writer.refer(places.entry + 4, places.entryName);
  writer.u32(places.entry + 8, parts.buffers.length);
  writer.u32(places.entryName, text.length);
  // The buffer: its data.
  writer.vtable(places.bufferFields, 8, [4]);
  writer.u32(places.buffer, places.buffer - places.bufferFields);
  writer.refer(places.buffer + 4, places.data);
  writer.u32(places.data, content.length);
  return bytes;
}

/** What the new root refers to in the old bytes: positions of the first byte. */
interface OldParts {
  readonly version: number;
  readonly buffers: readonly number[];
  readonly metadata: readonly number[];
  /** All other fields of the root, which are references. */
  readonly others: readonly (readonly [field: number, target: number])[];
}

function oldParts(old: Uint8Array, name: string): OldParts {
  const file = new FlatFile(old, 'model');
  const root = file.root();
  const buffers = root.references(BUFFERS_FIELD, 'buffers');
  const isWhole = buffers.every((at) => file.tableAt(at, 'buffer').u64(1) <= 1);
  const remedy = 'Such a file cannot get a plan; convert the model to a file of less than 2 GiB.';
  checkArgument(isWhole, 'model', 'a file with data behind the flatbuffer', 'a file that is all flatbuffer', remedy);
  const entries = root.references(METADATA_FIELD, 'metadata');
  const own = [VERSION_FIELD, BUFFERS_FIELD, METADATA_FIELD];
  return {
    version: root.u32(VERSION_FIELD),
    buffers,
    metadata: entries.filter((at) => file.tableAt(at, 'metadata').text(0, 'a name') !== name),
    others: root.fields().flatMap((field) => (own.includes(field) ? [] : [[field, root.targetOf(field)] as const])),
  };
}

/** Where each new part lies; the old bytes begin at `end`. */
function placesOf({ buffers, metadata, others }: OldParts, nameLength: number, contentLength: number) {
  const fieldCount = 1 + Math.max(METADATA_FIELD, ...others.map(([field]) => field));
  const vtable = 8;
  const model = alignUp(vtable + 4 + 2 * fieldCount, 4);
  const bufferList = model + 4 + 4 * fieldCount;
  const metadataList = bufferList + 4 + 4 * (buffers.length + 1);
  const entryFields = metadataList + 4 + 4 * (metadata.length + 1);
  const entry = entryFields + 8;
  const entryName = entry + 12;
  const bufferFields = alignUp(entryName + 4 + nameLength + 1, 4); // a text ends in a zero
  const buffer = bufferFields + 8;
  const data = alignUp(buffer + 8 + 4, 16) - 4; // its content is aligned, not the count before
  const end = alignUp(data + 4 + contentLength, ALIGNMENT);
  return {
    fieldCount,
    vtable,
    model,
    bufferList,
    metadataList,
    entryFields,
    entry,
    entryName,
    bufferFields,
    buffer,
    data,
    end,
  };
}

function writeRoot(writer: Writer, { version, others }: OldParts, places: ReturnType<typeof placesOf>): void {
  const { model, vtable, fieldCount, bufferList, metadataList, end } = places;
  const targets = new Map<number, number>(others.map(([field, target]) => [field, target + end]));
  targets.set(BUFFERS_FIELD, bufferList).set(METADATA_FIELD, metadataList);
  const isThere = (field: number): boolean => field === VERSION_FIELD || targets.has(field);
  writer.u32(0, model);
  writer.vtable(
    vtable,
    4 + 4 * fieldCount,
    Array.from({ length: fieldCount }, (_, field) => (isThere(field) ? 4 + 4 * field : 0)),
  );
  writer.u32(model, model - vtable);
  writer.u32(model + 4 + 4 * VERSION_FIELD, version);
  for (const [field, target] of targets) writer.refer(model + 4 + 4 * field, target);
}

class Writer {
  readonly #view: DataView;

  constructor({ buffer }: Uint8Array) {
    this.#view = new DataView(buffer);
  }

  u32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  refer(at: number, to: number): void {
    this.u32(at, to - at);
  }

  /** The list of fields of a table: how long list and table are, and where in the table each field lies. */
  vtable(at: number, tableSize: number, fields: readonly number[]): void {
    [4 + 2 * fields.length, tableSize, ...fields].forEach((value, index) => {
      this.#view.setUint16(at + 2 * index, value, true);
    });
  }

  /** A vector of references to old parts, which lie behind `shift`, and to a new one. */
  list(at: number, olds: readonly number[], shift: number, last: number): void {
    this.u32(at, olds.length + 1);
    [...olds.map((target) => target + shift), last].forEach((target, index) => this.refer(at + 4 + 4 * index, target));
  }
}

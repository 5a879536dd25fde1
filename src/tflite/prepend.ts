/**
 * A TFLite file with one buffer and one entry of metadata more: a new root table is put before the old bytes, which it
 * refers to.
 *
 * Invariant: references of a flatbuffer point forwards from where they stand, so old parts need no change; the old bytes
 * keep their alignment.
 */
import { checkArgument } from '../errors.js';
import { FlatFile } from './flat-table.js';

/** All that is put before a file is a multiple of this long, as large an alignment as the schema asks for, and more. */
const ALIGNMENT = 64;
const VERSION_FIELD = 0;
const BUFFERS_FIELD = 4;
const METADATA_FIELD = 6;

/** The bytes of `old`, whose entries of metadata of that name are left out, with `content` as such an entry. */
export function prependModel(old: Uint8Array, name: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const file = new FlatFile(old, 'model');
  const root = file.root();
  const buffers = root.references(BUFFERS_FIELD, 'buffers');
  const metadata = root
    .references(METADATA_FIELD, 'metadata')
    .filter((at) => file.tableAt(at, 'metadata').text(0, 'name') !== name);
  const isWhole = buffers.every((at) => file.tableAt(at, 'buffer').u64(1) <= 1);
  const remedy = 'Such a file cannot get a plan; convert the model to a file of less than 2 GiB.';
  checkArgument(isWhole, 'bytes', 'a file with data behind the flatbuffer', 'a file that is all flatbuffer', remedy);
  const others = root.fields().filter((field) => ![VERSION_FIELD, BUFFERS_FIELD, METADATA_FIELD].includes(field));
  const text = new TextEncoder().encode(name);

  // Where each new part lies, from the first byte on.
  const fieldCount = Math.max(METADATA_FIELD, ...others) + 1;
  const vtable = 8;
  const model = even(vtable + 4 + 2 * fieldCount);
  const bufferList = model + 4 + 4 * fieldCount;
  const metadataList = bufferList + 4 + 4 * (buffers.length + 1);
  const entryFields = metadataList + 4 + 4 * (metadata.length + 1);
  const entry = entryFields + 8;
  const entryName = entry + 12;
  const bufferFields = even(entryName + 4 + text.length + 1);
  const buffer = bufferFields + 8;
  const data = roundUp(buffer + 8 + 4, 16) - 4; // its first number is aligned, not the count before
  const shift = roundUp(data + 4 + content.length, ALIGNMENT);

  const bytes = new Uint8Array(shift + old.length);
  bytes.set(old, shift);
  bytes.set(old.subarray(4, 8), 4); // the identifier
  const view = new DataView(bytes.buffer);
  const u32 = (at: number, value: number): void => view.setUint32(at, value, true);
  const u16 = (at: number, value: number): void => view.setUint16(at, value, true);
  const refer = (at: number, to: number): void => u32(at, to - at);

  u32(0, model);
  u16(vtable, 4 + 2 * fieldCount);
  u16(vtable + 2, 4 + 4 * fieldCount);
  u32(model, model - vtable);
  const fieldAt = (field: number): number => {
    u16(vtable + 4 + 2 * field, 4 + 4 * field);
    return model + 4 + 4 * field;
  };
  u32(fieldAt(VERSION_FIELD), root.u32(VERSION_FIELD));
  for (const field of others) refer(fieldAt(field), root.targetOf(field) + shift);
  refer(fieldAt(BUFFERS_FIELD), bufferList);
  refer(fieldAt(METADATA_FIELD), metadataList);
  const list = (at: number, olds: readonly number[], last: number): void => {
    u32(at, olds.length + 1);
    olds.forEach((target, index) => refer(at + 4 + 4 * index, target + shift));
    refer(at + 4 + 4 * olds.length, last);
  };
  list(bufferList, buffers, buffer);
  list(metadataList, metadata, entry);

  u16(entryFields, 8);
  u16(entryFields + 2, 12);
  u16(entryFields + 4, 4);
  u16(entryFields + 6, 8);
  u32(entry, entry - entryFields);
  refer(entry + 4, entryName);
  u32(entry + 8, buffers.length);
  u32(entryName, text.length);
  bytes.set(text, entryName + 4);

  u16(bufferFields, 6);
  u16(bufferFields + 2, 8);
  u16(bufferFields + 4, 4);
  u32(buffer, buffer - bufferFields);
  refer(buffer + 4, data);
  u32(data, content.length);
  bytes.set(content, data + 4);
  return bytes;
}

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;
const even = (value: number): number => roundUp(value, 4);

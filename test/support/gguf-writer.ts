/**
 * Writes GGUF headers, sound or broken, for tests.
 */
import { elementType, type ElementTypeName } from '../../src/tensor/element-type.js';

/** Types of metadata values, by GGUF's number. */
const VALUE_TYPES = { u8: 0, i8: 1, u16: 2, i16: 3, u32: 4, i32: 5, f32: 6, bool: 7, string: 8, u64: 10, f64: 12 };

export type WrittenValue =
  | { readonly type: keyof typeof VALUE_TYPES; readonly value: number | bigint | boolean | string }
  | { readonly type: 'array'; readonly of: keyof typeof VALUE_TYPES; readonly values: readonly (number | string)[] };

export interface WrittenTensor {
  readonly name: string;
  /** A name, or any number to be written as it is. */
  readonly type: ElementTypeName | number;
  readonly ne: readonly (number | bigint)[];
  /** Default: where the tensor belongs. */
  readonly offset?: number;
}

export interface WrittenHeader {
  readonly metadata?: Readonly<Record<string, WrittenValue>>;
  readonly tensors?: readonly WrittenTensor[];
  /** Numbers to write instead of the real ones. */
  readonly tensorCount?: bigint;
  readonly keyCount?: bigint;
  readonly version?: number;
}

export function writeGguf(header: WrittenHeader): Uint8Array {
  const { metadata = {}, tensors = [], version = 3 } = header;
  const out = new ByteWriter();
  out.bytes(new TextEncoder().encode('GGUF')).u32(version);
  out.u64(header.tensorCount ?? BigInt(tensors.length)).u64(header.keyCount ?? BigInt(Object.keys(metadata).length));
  for (const [key, value] of Object.entries(metadata)) writeValue(out.string(key), value);
  let offset = 0;
  for (const { name, type, ne, ...rest } of tensors) {
    const typeId = typeof type === 'number' ? type : elementType(type).ggufId;
    out.string(name).u32(ne.length);
    for (const length of ne) out.u64(BigInt(length));
    out.u32(typeId).u64(BigInt(rest.offset ?? offset));
    offset += typeof type === 'number' ? 0 : paddedBytes(type, ne);
  }
  return out.finish();
}

/** A string, an integer that needs 32 bits, or a fraction, as converters write them. */
export function metadataOf(values: Readonly<Record<string, string | number | boolean>>): Record<string, WrittenValue> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]): [string, WrittenValue] => {
      if (typeof value === 'string') return [key, { type: 'string', value }];
      if (typeof value === 'boolean') return [key, { type: 'bool', value }];
      return [key, { type: Number.isInteger(value) ? 'u32' : 'f32', value }];
    }),
  );
}

function paddedBytes(type: ElementTypeName, ne: readonly (number | bigint)[]): number {
  const { blockBytes, blockSize } = elementType(type);
  const bytes = (ne.reduce((product: number, length) => product * Number(length), 1) / blockSize) * blockBytes;
  return Math.ceil(bytes / 32) * 32;
}

function writeValue(out: ByteWriter, value: WrittenValue): void {
  if (value.type !== 'array') {
    out.u32(VALUE_TYPES[value.type]).scalar(value.type, value.value);
    return;
  }
  out.u32(9).u32(VALUE_TYPES[value.of]).u64(BigInt(value.values.length));
  for (const each of value.values) out.scalar(value.of, each);
}

class ByteWriter {
  readonly #parts: Uint8Array[] = [];

  bytes(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  u32(value: number): this {
    return this.#fixed(4, (view) => {
      view.setUint32(0, value, true);
    });
  }

  u64(value: bigint): this {
    return this.#fixed(8, (view) => {
      view.setBigUint64(0, value, true);
    });
  }

  string(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.u64(BigInt(bytes.byteLength)).bytes(bytes);
  }

  scalar(type: keyof typeof VALUE_TYPES, value: number | bigint | boolean | string): this {
    if (type === 'string') return this.string(String(value));
    if (type === 'u64') return this.u64(BigInt(value));
    if (type === 'u32' || type === 'i32') return this.u32(Number(value) >>> 0);
    const number = Number(value);
    if (type === 'f32' || type === 'f64') {
      return this.#fixed(type === 'f32' ? 4 : 8, (view) => {
        if (type === 'f32') view.setFloat32(0, number, true);
        else view.setFloat64(0, number, true);
      });
    }
    return this.#fixed(type.endsWith('16') ? 2 : 1, (view) => {
      if (type.endsWith('16')) view.setUint16(0, number, true);
      else view.setUint8(0, number);
    });
  }

  finish(): Uint8Array {
    const all = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.byteLength, 0));
    let offset = 0;
    for (const part of this.#parts) {
      all.set(part, offset);
      offset += part.byteLength;
    }
    return all;
  }

  #fixed(length: number, write: (view: DataView) => void): this {
    const bytes = new Uint8Array(length);
    write(new DataView(bytes.buffer));
    return this.bytes(bytes);
  }
}

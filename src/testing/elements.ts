/**
 * The elements of a tensor in memory, by their four indices, whatever the strides: what the reference kernels read and
 * write.
 *
 * Invariant: a write is in memory when `set` returns, so a kernel that reads an element after it has overwritten it
 * gets the new value, as real kernels do. Indices are checked: bytes outside the tensor are never touched.
 */
import { PlannerError } from '../errors.js';
import type { ElementTypeName } from '../tensor/element-type.js';
import type { Layout, Quad } from '../tensor/shape.js';
import { decodeBf16, decodeF16, encodeBf16, encodeF16 } from './small-floats.js';

/** How one element is read and written. All NaNs are written with the same bits, so that runs can be compared. */
interface Codec {
  readonly get: (view: DataView, at: number) => number;
  readonly set: (view: DataView, at: number, value: number) => void;
}

const CODECS: Partial<Record<ElementTypeName, Codec>> = {
  f32: {
    get: (view, at) => view.getFloat32(at, true),
    set: (view, at, value) =>
      Number.isNaN(value) ? view.setUint32(at, 0x7fc00000, true) : view.setFloat32(at, value, true),
  },
  f64: {
    get: (view, at) => view.getFloat64(at, true),
    set: (view, at, value) => view.setFloat64(at, Number.isNaN(value) ? NaN : value, true),
  },
  f16: {
    get: (view, at) => decodeF16(view.getUint16(at, true)),
    set: (view, at, value) => view.setUint16(at, encodeF16(value), true),
  },
  bf16: {
    get: (view, at) => decodeBf16(view.getUint16(at, true)),
    set: (view, at, value) => view.setUint16(at, encodeBf16(value), true),
  },
  i8: { get: (view, at) => view.getInt8(at), set: (view, at, value) => view.setInt8(at, value) },
  i16: { get: (view, at) => view.getInt16(at, true), set: (view, at, value) => view.setInt16(at, value, true) },
  i32: { get: (view, at) => view.getInt32(at, true), set: (view, at, value) => view.setInt32(at, value, true) },
  i64: {
    get: (view, at) => Number(view.getBigInt64(at, true)),
    set: (view, at, value) => view.setBigInt64(at, BigInt(Number.isFinite(value) ? Math.trunc(value) : 0), true),
  },
};

/** Whether elements of this type can be read and written one by one. */
export function hasCodec(type: ElementTypeName): boolean {
  return CODECS[type] !== undefined;
}

export class Elements {
  readonly ne: Quad;
  readonly #nb: Quad;
  readonly #codec: Codec;
  readonly #view: DataView;
  readonly #start: number;

  /** @param start byte position of the first element within `storage` */
  constructor({ type, ne, nb }: Layout, storage: Uint8Array, start: number) {
    this.ne = ne;
    this.#nb = nb;
    this.#codec = CODECS[type.name]!;
    this.#view = new DataView(storage.buffer, storage.byteOffset, storage.byteLength);
    this.#start = start;
  }

  get(i0: number, i1 = 0, i2 = 0, i3 = 0): number {
    return this.#codec.get(this.#view, this.#at(i0, i1, i2, i3));
  }

  set(value: number, i0: number, i1 = 0, i2 = 0, i3 = 0): void {
    this.#codec.set(this.#view, this.#at(i0, i1, i2, i3), value);
  }

  /** The element at an index of a larger tensor that this one is repeated to fill. */
  getRepeated(i0: number, i1: number, i2: number, i3: number): number {
    const { ne } = this;
    return this.get(i0 % ne[0], i1 % ne[1], i2 % ne[2], i3 % ne[3]);
  }

  /** The element at a position in the order of a contiguous tensor of this shape. */
  getFlat(position: number): number {
    return this.get(...this.#indices(position));
  }

  setFlat(value: number, position: number): void {
    this.set(value, ...this.#indices(position));
  }

  /** Number of elements. */
  get count(): number {
    const { ne } = this;
    return ne[0] * ne[1] * ne[2] * ne[3];
  }

  /** Calls `visit` with the indices of every row's first element, in memory order of a contiguous tensor. */
  forEachRow(visit: (i1: number, i2: number, i3: number) => void): void {
    const { ne } = this;
    if (ne[0] === 0) return;
    for (let i3 = 0; i3 < ne[3]; i3++) {
      for (let i2 = 0; i2 < ne[2]; i2++) {
        for (let i1 = 0; i1 < ne[1]; i1++) visit(i1, i2, i3);
      }
    }
  }

  /** Calls `visit` with the indices of every element, in memory order of a contiguous tensor. */
  forEach(visit: (i0: number, i1: number, i2: number, i3: number) => void): void {
    this.forEachRow((i1, i2, i3) => {
      for (let i0 = 0; i0 < this.ne[0]; i0++) visit(i0, i1, i2, i3);
    });
  }

  #indices(position: number): [number, number, number, number] {
    const [n0, n1, n2] = this.ne;
    const row = Math.floor(position / n0);
    const plane = Math.floor(row / n1);
    return [position % n0, row % n1, plane % n2, Math.floor(plane / n2)];
  }

  #at(i0: number, i1: number, i2: number, i3: number): number {
    const { ne } = this;
    const nb = this.#nb;
    if (!(isIndex(i0, ne[0]) && isIndex(i1, ne[1]) && isIndex(i2, ne[2]) && isIndex(i3, ne[3]))) {
      throw new PlannerError('BAD_ARGUMENT', {
        message: `The index of an element is [${[i0, i1, i2, i3].join(', ')}], outside of a tensor of [${ne.join(', ')}].`,
        culprit: 'index of an element',
        value: [i0, i1, i2, i3],
        limit: `integers below [${ne.join(', ')}]`,
        remedy: 'Look for an index tensor whose bytes were overwritten, or give it values in range.',
      });
    }
    return this.#start + i0 * nb[0] + i1 * nb[1] + i2 * nb[2] + i3 * nb[3];
  }
}

function isIndex(index: number, length: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < length;
}

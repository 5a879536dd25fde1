/**
 * The elements of a tensor as the reference kernels read and write them: all as numbers, by indices, rows or positions.
 *
 * Invariant: a kernel that reads an element after it has overwritten it gets the new value, as real kernels do.
 */
import { checkArgument, isListLike } from '../../errors.js';
import type { ElementTypeName } from '../../tensor/element-type.js';
import { codecOf, NUMBER_CODECS, TensorElements, type Codec } from '../../tensor/elements.js';
import type { Layout, Dims4 } from '../../tensor/layout.js';

const CODECS: Partial<Record<ElementTypeName, Codec<number>>> = {
  ...NUMBER_CODECS,
  i64: {
    kind: 'number',
    get: (view, at) => Number(view.getBigInt64(at, true)),
    set: (view, at, value) => view.setBigInt64(at, BigInt(Number.isFinite(value) ? Math.trunc(value) : 0), true),
  },
};

/** Whether elements of this type can be read and written one by one. */
export function hasCodec(type: ElementTypeName): boolean {
  return CODECS[type] !== undefined;
}

export class Elements extends TensorElements {
  /**
   * @param start byte position of the first element within `storage`
   * @throws PlannerError `BAD_ARGUMENT`; `NOT_READABLE` for a quantised type
   */
  constructor(layout: Layout, storage: Uint8Array, start: number) {
    checkParts(layout, storage, start);
    const view = new DataView(storage.buffer, storage.byteOffset, storage.byteLength);
    super(layout, CODECS[layout.type.name] ?? (codecOf(layout.type.name, 'the tensor') as Codec<number>), view, start);
  }

  get ne(): Dims4 {
    return this.shape as Dims4;
  }

  /** The element at an index of a larger tensor, which this tensor is repeated to fill. */
  getRepeated(i0: number, i1: number, i2: number, i3: number): number {
    const { ne } = this;
    return this.get(i0 % ne[0], i1 % ne[1], i2 % ne[2], i3 % ne[3]);
  }

  /** The element at a position in the order of a contiguous tensor of this shape. */
  getFlat(position: number): number {
    return this.get(...this.indices(position));
  }

  /** Writes the element at a position in the order of a contiguous tensor of this shape. */
  setFlat(value: number, position: number): void {
    this.set(value, ...this.indices(position));
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
}

function checkParts(layout: Partial<Layout> | null | undefined, storage: unknown, start: unknown): void {
  const isLayout = isListLike(layout?.shape) && isListLike(layout.strides) && typeof layout.type?.name === 'string';
  checkArgument(isLayout, 'layout', layout, 'a tensor, or { type, shape, strides }', 'Give the tensor.');
  const isBytes = storage instanceof Uint8Array;
  checkArgument(isBytes, 'storage', storage, 'a Uint8Array', 'Give what Memory.storage returns.');
  checkArgument(Number.isSafeInteger(start), 'start', start, 'a byte position', 'Give the viewOffset of the tensor.');
}

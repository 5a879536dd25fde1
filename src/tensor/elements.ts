/**
 * The elements of a tensor in memory, by their indices, whatever the strides.
 *
 * Invariant: a write is in memory when `set` returns. Indices are checked: bytes outside the tensor are never touched.
 */
import { checkArgument, isListLike, PlannerError, shown, subject } from '../errors.js';
import type { ElementTypeName } from './element-type.js';
import { elementCount, type Layout } from './layout.js';
import { decodeBf16, decodeF16, encodeBf16, encodeF16 } from './small-floats.js';

/** What an element is in JavaScript: the value of f16 and bf16 as well, which a typed array shows as bits. */
export type ElementOf<T extends ElementTypeName> = T extends 'i64' ? bigint : number;

/** How one element is read and written. */
export interface Codec<V> {
  /** What JavaScript calls an element. */
  readonly kind: 'number' | 'bigint';
  get(view: DataView, at: number): V;
  set(view: DataView, at: number, value: V): void;
}

/** Types whose elements are numbers. All NaNs are written with the same bits, so that runs can be compared. */
export const NUMBER_CODECS: Partial<Record<ElementTypeName, Codec<number>>> = {
  f32: {
    kind: 'number',
    get: (view, at) => view.getFloat32(at, true),
    set: (view, at, value) =>
      Number.isNaN(value) ? view.setUint32(at, 0x7fc00000, true) : view.setFloat32(at, value, true),
  },
  f64: {
    kind: 'number',
    get: (view, at) => view.getFloat64(at, true),
    set: (view, at, value) => view.setFloat64(at, Number.isNaN(value) ? NaN : value, true),
  },
  f16: {
    kind: 'number',
    get: (view, at) => decodeF16(view.getUint16(at, true)),
    set: (view, at, value) => view.setUint16(at, encodeF16(value), true),
  },
  bf16: {
    kind: 'number',
    get: (view, at) => decodeBf16(view.getUint16(at, true)),
    set: (view, at, value) => view.setUint16(at, encodeBf16(value), true),
  },
  i8: {
    kind: 'number',
    get: (view, at) => view.getInt8(at),
    set: (view, at, value) => view.setInt8(at, value),
  },
  i16: {
    kind: 'number',
    get: (view, at) => view.getInt16(at, true),
    set: (view, at, value) => view.setInt16(at, value, true),
  },
  i32: {
    kind: 'number',
    get: (view, at) => view.getInt32(at, true),
    set: (view, at, value) => view.setInt32(at, value, true),
  },
};

const BIGINT_CODEC: Codec<bigint> = {
  kind: 'bigint',
  get: (view, at) => view.getBigInt64(at, true),
  set: (view, at, value) => view.setBigInt64(at, value, true),
};

/** How elements of a type are read and written. @throws PlannerError `NOT_READABLE` for quantised types */
export function codecOf(type: ElementTypeName, culprit: string): Codec<number | bigint> {
  const codec = type === 'i64' ? BIGINT_CODEC : NUMBER_CODECS[type];
  if (codec !== undefined) return codec;
  throw new PlannerError('NOT_READABLE', {
    message: `${subject(culprit)} is ${type}: its elements are packed in blocks and cannot be read one by one.`,
    culprit,
    value: type,
    limit: 'an unquantised type',
    remedy: 'Read its blocks as bytes with data(), or cast it.',
  });
}

/** Access to the elements of one tensor by their indices, whatever its strides; see `Arena.elements`. */
export class TensorElements<V extends number | bigint = number> {
  /** Element counts, innermost dimension first. */
  readonly shape: readonly number[];
  readonly #strides: readonly number[];
  readonly #codec: Codec<V>;
  readonly #view: DataView;
  readonly #start: number;

  /** @param start byte position of the first element within `view` */
  constructor({ shape, strides }: Layout, codec: Codec<V>, view: DataView, start: number) {
    this.shape = shape;
    this.#strides = strides;
    this.#codec = codec;
    this.#view = view;
    this.#start = start;
  }

  /** Number of elements. */
  get count(): number {
    return elementCount(this);
  }

  /** The element at these indices, innermost dimension first; those left out are 0. @throws PlannerError `BAD_ARGUMENT` */
  get(i0: number, ...outer: number[]): V {
    return this.#codec.get(this.#view, this.#at(i0, outer));
  }

  /** Writes the element at these indices. @throws PlannerError `BAD_ARGUMENT` */
  set(value: V, i0: number, ...outer: number[]): void {
    const codec = this.#codec;
    if (typeof value !== codec.kind) refuseElement(value, codec.kind);
    codec.set(this.#view, this.#at(i0, outer), value);
  }

  /** A copy of all elements, in the order of a contiguous tensor of this shape. */
  toArray(): V[] {
    return Array.from({ length: this.count }, (_, position) => this.get(...this.indices(position)));
  }

  /** Writes all elements, in the order of a contiguous tensor of this shape. @throws PlannerError `BAD_ARGUMENT` */
  setAll(values: ArrayLike<V>): void {
    const { count } = this;
    checkArgument(
      isListLike(values),
      'values',
      values,
      'a list',
      'Give one value per element, innermost dimension first.',
    );
    if (values.length !== count) {
      throw new PlannerError('BAD_ARGUMENT', {
        message: `There are ${values.length} values for the ${count} elements of a tensor.`,
        culprit: 'values',
        value: values.length,
        limit: `${count} of them`,
        remedy: 'Give one value per element, innermost dimension first.',
      });
    }
    for (let position = 0; position < count; position++) this.set(values[position], ...this.indices(position));
  }

  /** The indices of the element at a position in the order of a contiguous tensor of this shape. */
  protected indices(position: number): [number, ...number[]] {
    const indices: [number, ...number[]] = [0];
    let rest = position;
    for (const [dim, length] of this.shape.entries()) {
      indices[dim] = rest % length;
      rest = Math.floor(rest / length);
    }
    return indices;
  }

  #at(i0: number, outer: readonly number[]): number {
    const { shape } = this;
    const strides = this.#strides;
    if (!isIndex(i0, shape[0] ?? 1) || (outer.length > 0 && outer.length >= shape.length))
      return refuseIndices([i0, ...outer], shape);
    let at = this.#start + i0 * (strides[0] ?? 0);
    for (let dim = 0; dim < outer.length; dim++) {
      if (!isIndex(outer[dim], shape[dim + 1])) return refuseIndices([i0, ...outer], shape);
      at += outer[dim] * strides[dim + 1];
    }
    return at;
  }
}

function refuseElement(value: unknown, kind: Codec<unknown>['kind']): never {
  const isMissing = value === undefined;
  throw new PlannerError('BAD_ARGUMENT', {
    message: `The value of an element is ${isMissing ? 'missing' : shown(value)}; it must be a ${kind}.`,
    culprit: 'value of an element',
    value: value ?? 'missing',
    limit: `a ${kind}`,
    remedy: kind === 'bigint' ? 'Elements of i64 are bigints, such as 5n.' : 'Give the value first, then the indices.',
  });
}

function refuseIndices(indices: readonly unknown[], shape: readonly number[]): never {
  const strange = indices.findIndex((index) => typeof index !== 'number');
  const found = strange === -1 || indices[strange] !== undefined ? shown(indices[strange]) : 'missing';
  const message =
    strange === -1
      ? `The index of an element is [${indices.join(', ')}], outside of a tensor of [${shape.join(', ')}].`
      : `The index of an element in dimension ${strange} is ${found}, but must be a number.`;
  throw new PlannerError('BAD_ARGUMENT', {
    message,
    culprit: 'index of an element',
    value: indices,
    limit: `integers below [${shape.join(', ')}]`,
    remedy:
      'Give one index per dimension, innermost first; if a graph computes it, look for its bytes being overwritten.',
  });
}

function isIndex(index: number, length: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < length;
}

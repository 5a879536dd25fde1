/**
 * Parts of expressions: what a slice of an old node would read and yield, and where a part of it writes which bytes.
 *
 *     old    y = f(x)                   rows [64, 128) of y read rows [64, 128) of x, says f's row
 *     new    p = f(view of x)           p is rows [64, 128) of y if that view holds rows [64, 128) of x
 *
 * Invariant: trusts of a pass only which slice a node claims to be; that it is one follows from what it reads. The rule of
 * the operation is a fact of the operation, which tests of its own hold against execution.
 */
import type { Layout } from '../tensor/layout.js';
import { slicedShape, type Cut, type Slice } from '../tensor/slice.js';
import type { Tensor } from '../tensor/tensor.js';

/** Runs of bytes in the order of a contiguous tensor: length, expression, and byte of the expression of each. */
export type Runs = readonly number[];

/** What a tensor holds, in the order of a contiguous one: runs; or, if it is all of one expression, where there. */
export type Content = Runs | Whereabouts;

/** Elements of one expression. */
export interface Whereabouts {
  readonly expression: number;
  readonly layout: Layout;
  /** Byte of the expression at which the first element begins. */
  readonly start: number;
}

/** Runs that grow by what continues the last of them. */
export class RunList {
  readonly runs: number[] = [];

  add(size: number, expression: number, byte: number): void {
    const { runs } = this;
    const last = runs.length - 3;
    if (last >= 0 && runs[last + 1] === expression && runs[last + 2] + runs[last] === byte) runs[last] += size;
    else runs.push(size, expression, byte);
  }
}

function runsOf(content: Content): Runs {
  if (!('layout' in content)) return content;
  const list = new RunList();
  forEachRun(content.layout, content.start, (at, size) => list.add(size, content.expression, at));
  return list.runs;
}

/** Whether two tensors hold the same, element by element. */
export function sameContent(a: Content, b: Content): boolean {
  if ('layout' in a && 'layout' in b) {
    if (a.expression !== b.expression) return false;
    if (a.start === b.start && sameOrder(a.layout, b.layout)) return true;
  }
  const [runsOfA, runsOfB] = [runsOf(a), runsOf(b)];
  return runsOfA.length === runsOfB.length && runsOfA.every((each, index) => each === runsOfB[index]);
}

/** Whether elements lie alike; dimensions of one element have no stride that counts. */
function sameOrder(a: Layout, b: Layout): boolean {
  return a.shape.every((count, dim) => count === b.shape[dim] && (count === 1 || a.strides[dim] === b.strides[dim]));
}

/** Bytes of a tensor's elements in the order of a contiguous one, as runs of addresses. O(runs). */
export function forEachRun(
  { type, shape, strides }: Layout,
  start: number,
  visit: (at: number, size: number) => void,
): void {
  if (shape.includes(0)) return;
  let size = type.blockBytes;
  let inner = 0;
  const count = (dim: number): number => (dim === 0 ? shape[0] / type.blockSize : shape[dim]);
  while (inner < shape.length && (count(inner) === 1 || strides[inner] === size)) size *= count(inner++);
  const walk = (dim: number, at: number): void => {
    if (dim < inner) return visit(at, size);
    for (let index = 0; index < count(dim); index++) walk(dim - 1, at + index * strides[dim]);
  };
  walk(shape.length - 1, start);
}

/** The layout of a slice of a tensor, and the byte of the storage at which it begins. */
export function sliceLayout(tensor: Tensor, slice: Slice | null): { readonly layout: Layout; readonly start: number } {
  const { type, shape, strides, viewOffset } = tensor;
  if (slice === null) return { layout: tensor, start: viewOffset };
  const { dim, from } = slice;
  const start = viewOffset + (dim === 0 ? (from / type.blockSize) * strides[0] : from * strides[dim]);
  return { layout: { type, shape: slicedShape(shape, slice), strides }, start };
}

/** Where the elements of a slice of `old` lie in `part`: bytes of the storage of `part`, and the byte of `old` there. */
export function forEachPiece(
  old: Tensor,
  slice: Slice,
  part: Tensor,
  { before = 0 }: Pick<Cut, 'before'>,
  visit: (from: number, to: number, oldByte: number) => void,
): void {
  const { dim, from, to } = slice;
  const { type, strides, viewOffset } = part;
  const shape = slicedShape(part.shape, { dim, from, to });
  const count = (each: number): number => (each === 0 ? shape[0] / type.blockSize : shape[each]);
  let size = type.blockBytes;
  let inner = 0;
  // Up to the dimension of the slice both are alike, if both are dense.
  while (inner <= dim && (count(inner) === 1 || (strides[inner] === size && old.strides[inner] === size))) {
    size *= count(inner++);
  }
  const walk = (each: number, at: number, oldByte: number): void => {
    if (each < inner) return visit(at, at + size, oldByte);
    for (let index = 0; index < count(each); index++) {
      walk(each - 1, at + index * strides[each], oldByte + index * old.strides[each]);
    }
  };
  walk(shape.length - 1, viewOffset + before * strides[dim], from * old.strides[dim]);
}

/** Why a claim to be a slice makes no sense; null if it does. */
export function faultOfSlice(slice: Slice, { shape, type }: Tensor): string | null {
  const { dim, from, to } = (slice ?? {}) as Partial<Slice>;
  const isInside =
    Number.isInteger(dim) && dim! >= 0 && dim! < shape.length && Number.isInteger(from) && Number.isInteger(to);
  if (!isInside || from! < 0 || to! > shape[dim!] || from! >= to!) return 'is no slice of its origin';
  return dim === 0 && type.blockSize !== 1 ? 'cuts through blocks of its origin' : null;
}

/** Whether the settings of a part are those of the whole, but for those that its cut changes. */
export function hasSettings(part: Tensor, old: Tensor, { params }: Cut): boolean {
  const expected = { ...old.params, ...params };
  const keys = new Set([...Object.keys(expected), ...Object.keys(part.params)]);
  return [...keys].every((key) => JSON.stringify(expected[key]) === JSON.stringify(part.params[key]));
}

/**
 * How operations of ggml are cut: rules that several rows share.
 *
 * Invariant: as `tensor/slice.ts` says. `test/dialects/ggml/cuts.test.ts` runs every row whole and in parts.
 */
import {
  alike,
  cutOf,
  reshapedSlice,
  slicedShape,
  type Cut,
  type CutNode,
  type CutRule,
  type OperandSlice,
  type Slice,
} from '../../tensor/slice.js';
import type { OperationParams } from '../../tensor/tensor.js';

/** Every operand has the shape of the result, or is repeated along a dimension of length 1. */
export const byElement: CutRule = ({ shape, sources }, slice) =>
  cutOf(sources.map((source) => alike(source, slice, shape[slice.dim])));

/** As {@link byElement}, but rows stay whole. */
export const byRow: CutRule = (node, slice) => (slice.dim === 0 ? null : byElement(node, slice));

/** As a rule of an operation that has the shape of its result as a setting, under `ne`. */
export const withShape =
  (rule: CutRule): CutRule =>
  (node, slice) => {
    const cut = rule(node, slice);
    return cut === null ? null : { ...cut, params: { ne: slicedShape(node.shape, slice) } };
  };

/** The same elements in the same order, in another shape. */
export const reshaped: CutRule = (node, slice) => {
  const { shape, sources, params } = node;
  const operand = reshapedSlice(shape, slice, sources[0]!.shape);
  if (operand === null) return byElement(node, slice);
  return { operands: [operand], params: Array.isArray(params.ne) ? { ne: slicedShape(shape, slice) } : {} };
};

/** The lists of settings of what slides, as far as a file says them. */
interface Reach {
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
}

function reachOf(params: OperationParams, dim: number): Reach | null {
  const [stride, padding, dilation] = ['stride', 'padding', 'dilation'].map((name) => {
    const list = params[name];
    return Array.isArray(list) ? (list[dim] as number) : NaN;
  });
  return Number.isNaN(stride + padding + dilation) ? null : { stride, padding, dilation };
}

/** What a kernel over dimension `along` of operand `x` needs for a slice of its positions. */
export function slidingCut(node: CutNode, slice: Slice, along: number): Cut | null {
  const [kernel, x] = [node.sources[0]!, node.sources[1]!];
  const reach = reachOf(node.params, along);
  if (reach === null) return null;
  const { stride, padding, dilation } = reach;
  const span = dilation * (kernel.shape[along] - 1) + 1;
  const length = x.shape[along];
  const [first, end] = [slice.from * stride - padding, (slice.to - 1) * stride - padding + span];
  if (first >= 0 && end <= length) {
    const unpadded = (node.params.padding as readonly number[]).map((each, dim) => (dim === along ? 0 : each));
    return { operands: [null, { dim: along, from: first, to: end }], params: { padding: unpadded } };
  }
  // The padding stays, at both ends: positions that reach into one which isn't there come out besides.
  const skipped = Math.max(0, slice.from - Math.ceil(padding / stride));
  const operand = { dim: along, from: skipped * stride, to: Math.min(length, end) };
  const count = Math.trunc((operand.to - operand.from + 2 * padding - span) / stride) + 1;
  const before = slice.from - skipped;
  const after = count - (slice.to - skipped);
  if (operand.to <= operand.from || after < 0) return null;
  return { operands: [null, operand], before, after };
}

/** What slices of rows and heads read of the mask and of the sinks; `rows` is the dimension of the rows in the result. */
export function scoreSlices(
  { shape, sources, params }: CutNode,
  slice: Slice,
  first: number,
  rows: 1 | 2,
): OperandSlice[] {
  const [mask, sinks] = [sources[first] ?? null, sources[first + 1] ?? null];
  const length = shape[slice.dim];
  if (slice.dim === rows) {
    // A mask may have more rows than there are.
    const rowsOfMask = mask === null ? 1 : mask.shape[1];
    return [rowsOfMask > 1 && rowsOfMask >= length ? { ...slice, dim: 1 } : alike(mask, slice, length, 1), null];
  }
  if (slice.dim === 3) return [alike(mask, slice, length), null];
  // The slope of a bias depends on which head it is of how many.
  if (params.maxBias !== 0) return [undefined, undefined];
  return [alike(mask, slice, length, 2), alike(sinks, slice, length, 0)];
}

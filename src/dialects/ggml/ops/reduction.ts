/**
 * Sums, means, counts and sorting.
 *
 * Behaviour as in ggml's constructors `ggml_sum`, `ggml_mean`, `ggml_argsort`, ….
 */
import { ELEMENT_TYPES } from '../../../tensor/element-type.js';
import type { OperationParams, Tensor } from '../../../tensor/tensor.js';
import { rowsOf } from '../row.js';
import { ANY, type Operands } from '../operands.js';
import { byRow } from '../cuts.js';
import { alike, cutOf, type CutRule } from '../../../tensor/slice.js';
import { like, f32, i32, requireArgument, requireIntegers, requireWord } from './rules.js';
import { Applier } from './applier.js';

const define = rowsOf('norm');

/** The index type of the results is i32. */
const MAX_INDEX = 2 ** 31 - 1;

function requireIndexable(o: Operands): void {
  const [length] = o.tensor('a').ne;
  requireArgument(length <= MAX_INDEX, o, 'length of rows', length, `at most ${MAX_INDEX}`);
}

/** One element for each row. */
const ofRows: CutRule = ({ shape, sources: [a] }, slice) =>
  slice.dim === 0 ? null : cutOf([alike(a, slice, shape[slice.dim])]);

export const SUM = define({
  name: 'SUM',
  operands: ['a'],
  result: (o) => ({ type: o.tensor('a').type, ne: [1, 1, 1, 1] }),
});

export const SUM_ROWS = define({
  name: 'SUM_ROWS',
  operands: ['a'],
  cut: ofRows,
  result: (o) => {
    const { type, ne } = o.tensor('a');
    return { type, ne: [1, ne[1], ne[2], ne[3]] };
  },
});

export const CUMSUM = define({
  name: 'CUMSUM',
  operands: ['a'],
  overwrites: [0], // an element is read before the running sum takes its place
  result: (o) => {
    const a = o.tensor('a');
    o.requireType('a', 'f32');
    return like(a);
  },
});

export const MEAN = define({
  name: 'MEAN',
  operands: ['a'],
  cut: ofRows,
  result: (o) => {
    const { ne } = o.tensor('a');
    return f32([1, ne[1], ne[2], ne[3]]);
  },
});

export const ARGMAX = define({
  name: 'ARGMAX',
  operands: ['a'],
  result: (o) => {
    const a = o.tensor('a');
    o.requireNe('a', [ANY, ANY, 1, 1]);
    requireIndexable(o);
    return i32([a.ne[1], 1, 1, 1]);
  },
});

export const COUNT_EQUAL = define({
  name: 'COUNT_EQUAL',
  operands: ['a', 'b'],
  result: (o) => {
    o.requireNe('b', o.tensor('a').ne);
    return { type: ELEMENT_TYPES.i64, ne: [1, 1, 1, 1] };
  },
});

/** Ascending or descending. */
export type SortOrder = 'asc' | 'desc';

export const ARGSORT = define<OperationParams & { order: SortOrder }>({
  name: 'ARGSORT',
  operands: ['a'],
  cut: byRow,
  result: (o, { order }) => {
    requireWord(o, 'order', order, ['asc', 'desc'] satisfies SortOrder[]);
    requireIndexable(o);
    return i32(o.tensor('a').ne);
  },
});

export const TOP_K = define<OperationParams & { k: number }>({
  name: 'TOP_K',
  operands: ['a'],
  result: (o, { k }) => {
    const { ne } = o.tensor('a');
    requireIntegers(o, { k }, 0);
    requireArgument(k <= ne[0], o, 'k', k, `at most ${ne[0]}, the length of the rows`);
    return i32([k, ne[1], ne[2], ne[3]]);
  },
});

/** The rows of this family. */
export const REDUCTION_OPERATIONS = [SUM, SUM_ROWS, CUMSUM, MEAN, ARGMAX, COUNT_EQUAL, ARGSORT, TOP_K];

/** Sums, means, counts and sorting. */
export abstract class ReductionOps extends Applier {
  /** The sum of all elements, `[1]`, of the type of `a`. */
  sum(a: Tensor): Tensor {
    return this.apply(SUM, [a]);
  }

  /** The sum of each row, `[1, …]`, of the type of `a`. */
  sumRows(a: Tensor): Tensor {
    return this.apply(SUM_ROWS, [a]);
  }

  /** Running sums along each row of the f32 tensor `a`. @throws PlannerError `BAD_OPERAND` */
  cumsum(a: Tensor): Tensor {
    return this.apply(CUMSUM, [a]);
  }

  /** The mean of each row, f32 `[1, …]`. */
  mean(a: Tensor): Tensor {
    return this.apply(MEAN, [a]);
  }

  /** Per row of the matrix `a`, the index of its largest element, i32 `[rows]`. @throws PlannerError `BAD_OPERAND` */
  argmax(a: Tensor): Tensor {
    return this.apply(ARGMAX, [a]);
  }

  /**
   * The number of indices at which `a` and `b`, of equal shape, agree: i64 `[1]`. @throws PlannerError `BAD_OPERAND`
   */
  countEqual(a: Tensor, b: Tensor): Tensor {
    return this.apply(COUNT_EQUAL, [a, b]);
  }

  /** Per row of `a`, the indices that sort it, as i32 of the shape of `a`. @throws PlannerError `BAD_ARGUMENT` */
  argsort(a: Tensor, order: SortOrder = 'asc'): Tensor {
    return this.apply(ARGSORT, [a], { order });
  }

  /**
   * Per row of `a`, the indices of its `k` largest elements in no particular order, i32 `[k, …]`.
   *
   * @throws PlannerError `BAD_ARGUMENT` unless `k` is at most the length of the rows
   */
  topK(a: Tensor, k: number): Tensor {
    return this.apply(TOP_K, [a], { k });
  }
}

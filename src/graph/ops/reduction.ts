/**
 * Sums, means, counts and sorting.
 *
 * Behaviour as in ggml's constructors `ggml_sum`, `ggml_mean`, `ggml_argsort`, ….
 */
import { ELEMENT_TYPES } from '../../tensor/element-type.js';
import type { Params, Tensor } from '../../tensor/tensor.js';
import { defineOperation, operand } from '../operation.js';
import { Applier } from './applier.js';
import { ANY, f32, i32, like, requireArgument, requireIntegers, requireNe, requireType, requireWord } from './rules.js';

/** The index type of the results is i32. */
const MAX_INDEX = 2 ** 31 - 1;

function requireIndexable(op: string, a: Tensor): void {
  requireArgument(a.ne[0] <= MAX_INDEX, op, 'length of rows', a.ne[0], `at most ${MAX_INDEX}`);
}

const SUM = defineOperation({
  name: 'SUM',
  result: (sources) => ({ type: operand(sources, 0, 'SUM').type, ne: [1, 1, 1, 1] }),
});

const SUM_ROWS = defineOperation({
  name: 'SUM_ROWS',
  result: (sources) => {
    const { type, ne } = operand(sources, 0, 'SUM_ROWS');
    return { type, ne: [1, ne[1], ne[2], ne[3]] };
  },
});

const CUMSUM = defineOperation({
  name: 'CUMSUM',
  overwrites: [0], // an element is read before the running sum takes its place
  result: (sources) => {
    const a = operand(sources, 0, 'CUMSUM');
    requireType('CUMSUM', 'a', a, 'f32');
    return like(a);
  },
});

const MEAN = defineOperation({
  name: 'MEAN',
  result: (sources) => {
    const { ne } = operand(sources, 0, 'MEAN');
    return f32([1, ne[1], ne[2], ne[3]]);
  },
});

const ARGMAX = defineOperation({
  name: 'ARGMAX',
  result: (sources) => {
    const a = operand(sources, 0, 'ARGMAX');
    requireNe('ARGMAX', 'a', a, [ANY, ANY, 1, 1]);
    requireIndexable('ARGMAX', a);
    return i32([a.ne[1], 1, 1, 1]);
  },
});

const COUNT_EQUAL = defineOperation({
  name: 'COUNT_EQUAL',
  result: (sources) => {
    requireNe('COUNT_EQUAL', 'b', operand(sources, 1, 'COUNT_EQUAL'), operand(sources, 0, 'COUNT_EQUAL').ne);
    return { type: ELEMENT_TYPES.i64, ne: [1, 1, 1, 1] };
  },
});

/** Ascending or descending. */
export type SortOrder = 'asc' | 'desc';

const ARGSORT = defineOperation<Params & { order: SortOrder }>({
  name: 'ARGSORT',
  result: (sources, { order }) => {
    const a = operand(sources, 0, 'ARGSORT');
    requireWord('ARGSORT', 'order', order, ['asc', 'desc'] satisfies SortOrder[]);
    requireIndexable('ARGSORT', a);
    return i32(a.ne);
  },
});

const TOP_K = defineOperation<Params & { k: number }>({
  name: 'TOP_K',
  result: (sources, { k }) => {
    const { ne } = operand(sources, 0, 'TOP_K');
    requireIntegers('TOP_K', { k }, 0);
    requireArgument(k <= ne[0], 'TOP_K', 'k', k, `at most ${ne[0]}, the length of the rows`);
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

  /** At how many indices `a` and `b`, of equal shape, agree: i64 `[1]`. @throws PlannerError `BAD_OPERAND` */
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

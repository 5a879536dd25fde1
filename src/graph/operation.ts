/**
 * How the library knows operations: a row says what an operation does with bytes, and which layout its result has.
 *
 * Invariant: rows are pure data and rules; a shape rule either returns a complete result or throws `BAD_OPERAND` or
 * `BAD_ARGUMENT`. What has no rule is an operation that the library does not know.
 */
import type { ElementType } from '../tensor/element-type.js';
import type { Operation, OperationFamily } from '../tensor/operation.js';
import type { Dims4 } from '../tensor/shape.js';
import type { ReuseRule, Params, Tensor } from '../tensor/tensor.js';
import type { Operands } from './operands.js';
import type { OperationName } from './operation-name.js';

/** What an operation yields. */
export interface Result {
  readonly type: ElementType;
  readonly ne: Dims4;
  /** Byte strides. Default: contiguous. */
  readonly nb?: Dims4 | undefined;
  /** The tensor that the result looks into, and at which byte. Default: the result has its own storage. */
  readonly view?: { readonly of: Tensor; readonly offset: number };
  /** ggml's default name. */
  readonly name?: string;
  /** What may be overwritten, where only the settings tell. Default: what the row says. */
  readonly reuseRule?: ReuseRule;
}

/** An operation that the library knows, with settings of type `P`. */
export interface Row<P extends Params = Params> extends Operation {
  /** The shape and type rule. A method, so that rows with different settings fit into one table. */
  result(operands: Operands, params: P): Result;
}

const NO_SLOTS: readonly number[] = [];

/** What has to be written down about a row; whatever is left out takes the cautious value. */
type RowFacts<P extends Params> = Partial<Omit<Row<P>, 'family'>> &
  Pick<Row<P>, 'operands' | 'result'> & { readonly name: OperationName };

/** Writes the rows of one family. Field by field, so that all rows have one hidden class. */
export function rowsOf(family: OperationFamily): <P extends Params = Params>(facts: RowFacts<P>) => Row<P> {
  return (facts) => ({
    name: facts.name,
    family,
    operands: facts.operands,
    isView: facts.isView ?? false,
    isPure: facts.isPure ?? facts.updates === undefined,
    ggmlInPlace: facts.ggmlInPlace ?? false,
    overwrites: facts.overwrites ?? NO_SLOTS,
    updates: facts.updates ?? NO_SLOTS,
    writesPart: facts.writesPart ?? false,
    namesItself: facts.namesItself ?? NO_SLOTS,
    result: facts.result,
  });
}

/** An operation of a graph file that the library does not know: what the file says about a node is all that is known. */
export function unknownOperation(name: string): Operation {
  return {
    name,
    family: 'other',
    operands: [],
    isView: false,
    isPure: false,
    ggmlInPlace: false,
    overwrites: [],
    updates: [],
    writesPart: true,
    namesItself: [],
  };
}

/** Whether the library knows what an operation does. */
export function isKnown(operation: Operation): operation is Row {
  return 'result' in operation;
}

/**
 * The description of an operation as a row: what the operation does with bytes, and which layout its result has.
 *
 * Invariant: rows are pure data and rules; a shape rule either returns a complete result or throws `BAD_OPERAND` or
 * `BAD_ARGUMENT`. The library does not know an operation without a rule.
 */
import type { ElementType } from '../../tensor/element-type.js';
import type { Operation, OperationFamily } from '../../tensor/operation.js';
import type { Dims4 } from '../../tensor/layout.js';
import type { ReuseRule, OperationParams, Tensor } from '../../tensor/tensor.js';
import type { Operands } from './operands.js';
import type { OperationName } from './operation-name.js';

/** The result of an operation: its layout, and its place if it is a view. */
export interface Result {
  readonly type: ElementType;
  readonly ne: Dims4;
  /** Byte strides. Default: contiguous. */
  readonly nb?: Dims4 | undefined;
  /** The tensor that the result looks into, and at which byte. Default: the result has its own storage. */
  readonly view?: { readonly of: Tensor; readonly offset: number };
  /** ggml's default name. */
  readonly name?: string;
  /** The operands that may be overwritten, where that depends on the settings. Default: the row's. */
  readonly reuseRule?: ReuseRule;
}

/** An operation that the library knows, with settings of type `P`. */
export interface Row<P extends OperationParams = OperationParams> extends Operation {
  /** The shape and type rule. A method, so that rows with different settings fit into one table. */
  result(operands: Operands, params: P): Result;
}

const NO_SLOTS: readonly number[] = [];

/**
 * The fields that define a row; a field that is left out gets the cautious value. `reusesAny` is what `ggml_op_can_inplace`
 * says.
 */
type RowFacts<P extends OperationParams> = Partial<Omit<Row<P>, 'family' | 'requiredCount'>> &
  Pick<Row<P>, 'operands' | 'result'> & {
    readonly name: OperationName;
    /** Operands behind the others, which may be left out. */
    readonly optional?: readonly string[];
  };

/** Writes the rows of one family. Field by field, so that all rows have one hidden class. */
export function rowsOf(
  family: OperationFamily,
): <P extends OperationParams = OperationParams>(facts: RowFacts<P>) => Row<P> {
  return (facts) => ({
    name: facts.name,
    family,
    isKnown: true,
    operands: facts.optional === undefined ? facts.operands : [...facts.operands, ...facts.optional],
    requiredCount: facts.operands.length,
    isView: facts.isView ?? false,
    isPure: facts.isPure ?? facts.updates === undefined,
    reusesAny: facts.reusesAny ?? false,
    overwrites: facts.overwrites ?? NO_SLOTS,
    updates: facts.updates ?? NO_SLOTS,
    writesPart: facts.writesPart ?? false,
    namesItself: facts.namesItself ?? NO_SLOTS,
    cut: facts.cut ?? null,
    termsOf: facts.termsOf ?? null,
    result: facts.result,
  });
}

/** Whether an operation is a row of this dialect, whose shape rule is known. */
export function isRow(operation: Operation): operation is Row {
  return 'result' in operation;
}

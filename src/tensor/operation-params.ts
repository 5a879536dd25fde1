/**
 * The settings of operations: plain data, as graph files hold it.
 */

/** A number, string or flag of an operation, or a list of them: what a graph file can hold. */
export type OperationParam = number | string | boolean | null | readonly OperationParam[];

/** The settings of an operation other than its operands. */
export type OperationParams = Readonly<Record<string, OperationParam>>;

/**
 * The words in which profiles say which nodes their device computes: small predicates, and a table of them by operation.
 *
 * Invariant: a rule looks at a node's settings, and at the layouts of its result and operands; never at memory.
 */
import type { OperationName } from '../dialects/ggml/operation-name.js';
import type { ElementTypeName } from '../tensor/element-type.js';
import { elementCount, isContiguous, type Layout } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';

/** Whether a device computes a node of some operation. */
export type NodeRule = (node: Tensor) => boolean;

/** Operations that have a rule in common. */
export type RuleRow = readonly [operations: readonly OperationName[], rule: NodeRule];

/** Rules by name of the operation. */
export type NodeRules = ReadonlyMap<string, NodeRule>;

/** The rows as a table; an operation has one rule. */
export function rulesOf(rows: readonly RuleRow[]): NodeRules {
  return new Map(rows.flatMap(([operations, rule]) => operations.map((name) => [name, rule] as const)));
}

/** Operations that ggml calls unary: one operand, each element for itself. */
// prettier-ignore
export const UNARY: readonly OperationName[] = [
  'ABS', 'SGN', 'NEG', 'STEP', 'TANH', 'ELU', 'RELU', 'SIGMOID', 'GELU', 'GELU_QUICK', 'GELU_ERF', 'SILU', 'HARDSWISH',
  'HARDSIGMOID', 'EXP', 'EXPM1', 'SOFTPLUS', 'FLOOR', 'CEIL', 'ROUND', 'TRUNC', 'XIELU',
];

/** Operations that ggml calls gated linear units. */
// prettier-ignore
export const GATED: readonly OperationName[] = ['REGLU', 'GEGLU', 'SWIGLU', 'GEGLU_ERF', 'GEGLU_QUICK', 'SWIGLU_OAI'];

export const ALWAYS: NodeRule = () => true;

/** Every one of `rules` holds. */
export function all(...rules: readonly NodeRule[]): NodeRule {
  return (node) => rules.every((rule) => rule(node));
}

/** At least one of `rules` holds. */
export function any(...rules: readonly NodeRule[]): NodeRule {
  return (node) => rules.some((rule) => rule(node));
}

/** The operand in this slot, which the operation cannot do without. */
export function operand(node: Tensor, slot: number): Tensor {
  return node.sources[slot]!;
}

/** The operand in this slot lies without gaps, up to the dimension `from`. */
export function contiguous(slot: number, from = 0): NodeRule {
  return (node) => isContiguous(operand(node, slot), from);
}

/** The elements of each row lie one after another. */
export function hasContiguousRows({ type, shape, strides }: Layout): boolean {
  return shape[0] === type.blockSize || strides[0] === type.blockBytes;
}

/** The elements of each row of the operand in this slot lie one after another. */
export function contiguousRows(slot: number): NodeRule {
  return (node) => hasContiguousRows(operand(node, slot));
}

export const CONTIGUOUS_RESULT: NodeRule = (node) => isContiguous(node);

/** The operand in this slot is of one of these types. */
export function reads(slot: number, ...types: readonly ElementTypeName[]): NodeRule {
  const set: ReadonlySet<ElementTypeName> = new Set(types);
  return (node) => set.has(operand(node, slot).type.name);
}

/** The operand in this slot is of one of these types, or left out. */
export function readsIfGiven(slot: number, ...types: readonly ElementTypeName[]): NodeRule {
  const set: ReadonlySet<ElementTypeName> = new Set(types);
  return ({ sources }) => {
    const source = sources[slot] ?? null;
    return source === null || set.has(source.type.name);
  };
}

/** The result is of one of these types. */
export function yields(...types: readonly ElementTypeName[]): NodeRule {
  const set: ReadonlySet<ElementTypeName> = new Set(types);
  return ({ type }) => set.has(type.name);
}

/** The operand in this slot is of the type of the result. */
export function keepsType(slot: number): NodeRule {
  return (node) => operand(node, slot).type === node.type;
}

/** The operand in this slot has a length in this dimension that is a multiple of `factor`. */
export function multipleOf(slot: number, dim: number, factor: number): NodeRule {
  return (node) => operand(node, slot).shape[dim] % factor === 0;
}

/** A setting of a node that is a number; what stands for it if the node does not say. */
export function setting({ params }: Tensor, name: string, byDefault: number): number {
  const value = params[name];
  return typeof value === 'number' ? value : byDefault;
}

/** What a device computes at the least before llama.cpp copies a weight to it. */
const LEAST_BATCH = 32;

/** How many vectors a weight is applied to, as llama.cpp counts them; 0 where weights are looked up. */
function batchSize(node: Tensor): number {
  const { op, shape } = node;
  if (op === 'GET_ROWS') return 0;
  if (op === 'MUL_MAT') return shape[1];
  if (op === 'MUL_MAT_ID' || op === 'ROPE' || op === 'ROPE_BACK') return shape[2];
  return shape[0] === 0 ? 0 : elementCount(node) / shape[0];
}

/** Whether a node is worth the copy of its weight. */
export const IS_LARGE_BATCH: NodeRule = (node) => batchSize(node) >= LEAST_BATCH;

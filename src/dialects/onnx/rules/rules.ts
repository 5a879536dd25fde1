/**
 * The shape rule of every operation, by its full name.
 *
 * Invariant: what has nested graphs or lists of tensors has no rule here: it is for whoever builds graphs.
 */
import type { ElementType } from '../../../tensor/element-type.js';
import type { Call, Rule } from '../call.js';
import { F32, I64 } from '../element-types.js';
import { ELEMENT_WISE_RULES } from './element-wise.js';
import { MAKER_RULES } from './makers.js';
import { MATRIX_RULES } from './matrices.js';
import { NORM_RULES } from './norms.js';
import { PART_RULES } from './parts.js';
import { REDUCTION_RULES } from './reductions.js';
import { ATTENTION_RULES } from './attention.js';
import { SELECTION_RULES } from './selections.js';
import { VIEW_RULES } from './views.js';
import { WINDOW_RULES } from './windows.js';

const RULES: ReadonlyMap<string, Rule> = new Map(
  [
    ELEMENT_WISE_RULES,
    MAKER_RULES,
    MATRIX_RULES,
    NORM_RULES,
    PART_RULES,
    REDUCTION_RULES,
    SELECTION_RULES,
    ATTENTION_RULES,
    VIEW_RULES,
    WINDOW_RULES,
  ].flatMap((family) => Object.entries(family)),
);

/** The shape rule of an operation; undefined if there is none. */
export function findRule(name: string): Rule | undefined {
  return RULES.get(name);
}

/** Names of all operations with a rule. */
export const RULE_NAMES: readonly string[] = [...RULES.keys()];

/** The types of results where a rule cannot tell the shapes, and they are not that of the first operand. */
const TYPES: Readonly<Record<string, (call: Call) => readonly ElementType[]>> = {
  ConstantOfShape: (call) => [(call.attribute('value') as { type?: ElementType } | undefined)?.type ?? F32],
  OneHot: (call) => [call.type(2)],
  TopK: (call) => [call.type(0), I64],
};

/** The types of the results of a node whose shapes only a run tells. */
export function typesOf(name: string, call: Call): readonly ElementType[] {
  return TYPES[name]?.(call) ?? call.node.outputs.map(() => call.type(0));
}

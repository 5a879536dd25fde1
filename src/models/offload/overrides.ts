/**
 * Weights that the user puts elsewhere, by patterns of their names.
 *
 * Invariant: patterns are searched anywhere in a name, in order, and the first that is found wins, as in llama.cpp.
 */
import type { BufferType } from '../../device/device.js';
import { checkArgument, isListLike, PlannerError, shown } from '../../errors.js';

/** Where weights go whose names match a pattern. */
export interface TensorOverride {
  /** A regular expression that is searched in the name, such as `ffn_.*_exps`. */
  readonly pattern: string;
  /** The name of a device's own buffer type, such as `CUDA0`; `CPU` stands for the best that the CPU has. */
  readonly bufferType: string;
}

/** An override, ready to be searched. */
export interface Override {
  readonly pattern: RegExp;
  readonly bufferType: BufferType;
}

const EXPERT_MATRICES = '\\.ffn_(up|down|gate|gate_up)_(ch|)exps';

/** The weights of all experts, on the CPU (`--cpu-moe`). */
export const EXPERTS: TensorOverride = { pattern: EXPERT_MATRICES, bufferType: 'CPU' };

/** The weights of the experts of the first layers, on the CPU (`--n-cpu-moe`). */
export function expertsOfFirstLayers(count: number): TensorOverride[] {
  return Array.from({ length: Math.min(count, MAX_LAYERS) }, (_, layer) => ({
    pattern: `blk\\.${layer}${EXPERT_MATRICES}`,
    bufferType: 'CPU',
  }));
}

/** No model has more layers: patterns for layers beyond match nothing. */
const MAX_LAYERS = 512;

/** What llama.cpp's regular expressions do not have, or have in addition, and JavaScript would take otherwise. */
const OTHER_SYNTAX = /\(\?<|\[[^\]]*\[[:.=]/;

/** Returns the overrides if they are a list of such. @throws PlannerError `BAD_ARGUMENT` */
export function checkOverrides(overrides: readonly TensorOverride[]): readonly TensorOverride[] {
  const isOverride = (each: Partial<TensorOverride> | null): boolean =>
    typeof each?.pattern === 'string' && typeof each.bufferType === 'string';
  const limit = 'a list of patterns with buffer types';
  const areOverrides = isListLike(overrides) && Array.from(overrides).every(isOverride);
  checkArgument(areOverrides, 'overrideTensors', overrides, limit, 'Give each a pattern and a bufferType.');
  return overrides;
}

/** @throws PlannerError `BAD_ARGUMENT` if a pattern is none, or a buffer type is not one of `bufferTypes` */
export function readOverrides(
  overrides: readonly TensorOverride[],
  bufferTypes: readonly BufferType[],
): readonly Override[] {
  return overrides.map(({ pattern, bufferType: name }) => {
    const bufferType = bufferTypes.find((type) => type.name === name);
    if (bufferType === undefined) {
      const names = bufferTypes.map((type) => type.name).join(', ');
      throw new PlannerError('BAD_ARGUMENT', {
        message: `The option overrideTensors puts ${shown(pattern)} into ${shown(name)}, but the devices that take part have ${names}.`,
        culprit: 'overrideTensors',
        value: name,
        limit: `one of ${names}`,
        remedy: 'Spell it as in this list.',
      });
    }
    return { pattern: readPattern(pattern), bufferType };
  });
}

function readPattern(pattern: string): RegExp {
  try {
    if (!OTHER_SYNTAX.test(pattern)) return new RegExp(pattern);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new PlannerError('BAD_ARGUMENT', {
    message: `The option overrideTensors has ${shown(pattern)}, which is no regular expression that can be read.`,
    culprit: 'overrideTensors',
    value: pattern,
    limit: 'a regular expression without look-behind, names of groups and classes such as [[:digit:]]',
    remedy: 'Write a dot as \\. and close all brackets.',
  });
}

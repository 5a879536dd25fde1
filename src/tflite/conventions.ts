/**
 * What runtimes of TFLite models do with memory, as data.
 */
import { checkArgument, checkChoice, checkOptions, type OptionNames } from '../errors.js';
import { checkAlignment } from '../units.js';

/** How a runtime uses memory. */
export interface TfliteConvention {
  readonly name: string;
  /** Offsets are multiples of this power of two, bytes. */
  readonly alignment: number;
  /** Whether inputs keep their values to the end of the run. */
  readonly keepsInputs: boolean;
  /** Operations that run once, before the first run, if their operand is a constant: their results stay outside the plan. */
  readonly runsOnce: readonly string[];
  /** Operations whose result may lie where their operand lies: such a result is a view. */
  readonly views: readonly string[];
  /** Whether also inputs and outputs of the model may share their bytes so. */
  readonly sharesEnds: boolean;
}

/** The names of the conventions that the library knows. */
export type TfliteConventionName = 'tflite-micro' | 'tflite' | 'executorch';

/** The conventions of TensorFlow Lite Micro, TensorFlow Lite and ExecuTorch. */
export const TFLITE_CONVENTIONS: Readonly<Record<TfliteConventionName, TfliteConvention>> = {
  'tflite-micro': {
    name: 'tflite-micro',
    alignment: 16,
    keepsInputs: false,
    runsOnce: [],
    views: ['RESHAPE'],
    sharesEnds: true,
  },
  tflite: {
    name: 'tflite',
    alignment: 64,
    keepsInputs: true,
    runsOnce: ['DEQUANTIZE', 'DENSIFY'],
    views: ['RESHAPE', 'SQUEEZE', 'EXPAND_DIMS', 'BITCAST'],
    sharesEnds: false,
  },
  executorch: {
    name: 'executorch',
    alignment: 16,
    keepsInputs: false,
    runsOnce: [],
    views: ['RESHAPE', 'SQUEEZE', 'EXPAND_DIMS'],
    sharesEnds: true,
  },
};

const FIELDS: OptionNames<TfliteConvention> = {
  name: true,
  alignment: true,
  keepsInputs: true,
  runsOnce: true,
  views: true,
  sharesEnds: true,
};

/** The convention that a name stands for, or the caller's own. @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT` */
export function resolveConvention(choice: TfliteConventionName | TfliteConvention): TfliteConvention {
  if (typeof choice === 'string') {
    checkChoice('convention', choice, Object.keys(TFLITE_CONVENTIONS));
    return TFLITE_CONVENTIONS[choice];
  }
  checkOptions(choice, FIELDS, 'convention');
  const remedy = 'Begin with one of TFLITE_CONVENTIONS and change what differs.';
  checkAlignment(choice.alignment, 'convention.alignment');
  checkArgument(typeof choice.name === 'string', 'convention.name', choice.name, 'a name', remedy);
  for (const flag of ['keepsInputs', 'sharesEnds'] as const) {
    checkArgument(typeof choice[flag] === 'boolean', `convention.${flag}`, choice[flag], 'true or false', remedy);
  }
  for (const list of ['runsOnce', 'views'] as const) {
    const isList = Array.isArray(choice[list]) && choice[list].every((each) => typeof each === 'string');
    checkArgument(isList, `convention.${list}`, choice[list], 'a list of names of operations', remedy);
  }
  return choice;
}

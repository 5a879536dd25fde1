/**
 * The flags of model files that are read as graphs, and what their files say of planning.
 */
import type { PlanOptions } from '../plan/options.js';
import type { TfliteConventionName } from '../tflite/conventions.js';
import { choice } from './flag-values.js';
import type { Flag } from './flag.js';
import { planOptionsOf, type Flags } from './flags.js';

const CONVENTIONS = ['tflite-micro', 'tflite', 'executorch'] as const satisfies readonly TfliteConventionName[];

/** Whether a word is the name of a convention. */
export function isConvention(word: unknown): word is TfliteConventionName {
  return (CONVENTIONS as readonly unknown[]).includes(word);
}

/** How the runtime of a TFLite file uses memory. */
export const CONVENTION_FLAG: Flag = {
  key: 'convention',
  long: '--convention',
  value: 'RUNTIME',
  parse: choice(CONVENTIONS),
  help: `what runs the model, and so how to align and what to keep: ${CONVENTIONS.join(', ')} (default: tflite-micro)`,
  kinds: ['graph'],
  endings: ['.tflite'],
  group: 'The model (.tflite):',
};

/** How a graph is planned; what its file is for says what is usual. */
export function graphOptionsOf(
  { defaults }: { readonly defaults?: Pick<Flags, 'alignment' | 'runtime'> },
  flags: Flags,
): PlanOptions {
  return planOptionsOf({ ...defaults, ...flags }, 'auto');
}

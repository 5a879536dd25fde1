/**
 * What the files of models that are read as graphs say of planning.
 */
import type { PlanOptions } from '../plan/options.js';
import { planOptionsOf, type Flags } from './flags.js';

/** How a graph is planned; what its file is for says what is usual. */
export function graphOptionsOf(
  { defaults }: { readonly defaults?: Pick<Flags, 'alignment' | 'runtime'> },
  flags: Flags,
): PlanOptions {
  return planOptionsOf({ ...defaults, ...flags }, 'auto');
}

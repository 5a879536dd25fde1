/**
 * What all reports say of models in the same words: the backend that the figures are for, and what a model remembers.
 */

import { counted } from '../format.js';
import { describeOutputs } from '../models/assumption.js';
import type { ResolvedModelOptions } from '../models/options.js';
import { printable } from './table.js';

/** As JSON names it. */
export const BACKEND = 'cpu';

/** Stands below the figures. */
export const BACKEND_NOTE = 'Sizes are those of llama.cpp’s CPU backend; on a GPU they differ.';

/** More sentences than these say less than one about them. */
const MOST_ASSUMPTIONS = 3;

/** What the rows of a table take for granted, each sentence once; one sentence where they differ much. */
export function describeAssumptions(ofRows: Iterable<string>): string[] {
  const found = [...new Set(ofRows)];
  if (found.length <= MOST_ASSUMPTIONS) return found;
  return ['The rows differ in how many tokens of a batch have logits; --json says it as "outputs".'];
}

/** The title of a column or row of context bytes. @param isRecurrent of each model; null where that is not known */
export function contextTitle(isRecurrent: readonly (boolean | null)[]): string {
  if (!isRecurrent.includes(true)) return 'KV cache';
  return isRecurrent.includes(false) ? 'cache or state' : 'recurrent state';
}

/** A model, and the options that it was measured with. */
interface DescribedModel {
  readonly architecture: string;
  readonly isRecurrent: boolean;
  readonly run: ResolvedModelOptions;
}

/** What was measured, without a dot at its end. */
export function describeModel({ architecture, isRecurrent, run }: DescribedModel): string {
  const { contextSize, ubatchSize, sequences, flashAttention, keyType, valueType } = run;
  return [
    printable(architecture),
    `context ${contextSize}`,
    `ubatch ${ubatchSize}`,
    counted(sequences, 'sequence'),
    ...(isRecurrent
      ? []
      : [`flash attention ${flashAttention ? 'on' : 'off'}`, `cache ${keyType.name}/${valueType.name}`]),
  ].join(', ');
}

/** What the sizes take for granted: the outputs, and whether several sequences share the cache. */
export function describeRun({ isRecurrent, run }: Pick<DescribedModel, 'isRecurrent' | 'run'>): string {
  const outputs = describeOutputs(run);
  if (isRecurrent || run.sequences === 1) return outputs;
  const whose = run.isUnified ? 'unified: all sequences share it' : 'split: each sequence has an equal part';
  return `${outputs} The KV cache is ${whose}.`;
}

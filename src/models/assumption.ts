/**
 * The assumption of a model's sizes about the program that runs it, as a sentence for the user.
 */
import { checkArgument } from '../errors.js';
import type { ResolvedModelOptions } from './options.js';
import { checkProgram, PROGRAMS } from './programs.js';

/**
 * Which tokens of a batch have logits in a run: the compute buffer grows with their number.
 *
 * @throws PlannerError `BAD_ARGUMENT`
 * @example
 * ```ts
 * import { describeOutputs, measureModel } from 'tensor-arena/models';
 * import { readGguf } from 'tensor-arena/gguf';
 * const { run } = measureModel(await readGguf('examples/phi-3-mini-4k.gguf'), { parallel: 2 });
 * console.log(describeOutputs(run)); // For llama-server, which wants logits of 2 tokens of a batch, one per sequence.
 * ```
 */
export function describeOutputs(run: ResolvedModelOptions): string {
  const isObject = typeof run === 'object' && (run as object | null) !== null;
  checkArgument(isObject && 'program' in run, 'run', run, 'resolved options', 'Give the field `run` of a measurement.');
  const { program, maxOutputs, batchSize, sequences, pooling } = run;
  const { title, isServing } = PROGRAMS[checkProgram(program)];
  const count = maxOutputs === 1 ? '1 token' : `${maxOutputs} tokens`;
  if (isServing && maxOutputs === sequences) {
    return `For ${title}, which wants logits of ${count} of a batch, one per sequence.`;
  }
  if (maxOutputs < batchSize) return `For ${title}, with logits of up to ${count} of a batch, as asked for.`;
  if (pooling !== null) return `For ${title}, with results of every token of a batch, as embeddings need.`;
  return isServing
    ? `For ${title}, with logits of every token of a batch, as asked for.`
    : `For ${title}, which wants logits of every token of a batch.`;
}

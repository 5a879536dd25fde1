/**
 * What a draft model shares with its target, the model whose tokens it guesses: the table of embeddings, the matrix of
 * the scores, a list of the tokens that it knows, and the target's memory.
 */
import { named, PlannerError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { ModelBuilder } from '../model-builder.js';
import type { Target } from '../target.js';
import { badTensor, type WeightReader } from '../weights.js';

/** The embeddings of tokens, of the file or of the target. */
export function embeddingTable(m: ModelBuilder): Tensor {
  return ownOrShared(m, ['token_embd.weight'], null);
}

/** The matrix of the scores, of the file or of the target, whose scores may come from its embeddings. */
export function scoreMatrix(m: ModelBuilder): Tensor {
  return ownOrShared(m, ['output.weight', 'token_embd.weight'], 'output');
}

/** @param names the first is looked for in the file, all of them in the target */
function ownOrShared(
  { top, target, hp }: ModelBuilder,
  names: readonly [string, ...string[]],
  reader: WeightReader,
): Tensor {
  const [name] = names;
  const own = top.listedShape(name);
  if (own !== null) return top.weight(name, [hp.embeddingLength, own[1]]);
  if (target === null) {
    throw missingTarget(
      `${named(name)} is missing in this draft model, which takes it from the model whose tokens it guesses.`,
    );
  }
  const shared = target.weights.inLayer(null);
  const found = names.find((each) => shared.shapeOf(each) !== null) ?? name;
  return shared.get(found, shared.shapeOf(found) ?? [hp.embeddingLength, hp.vocabularySize], reader);
}

/** The target of a draft that reads its memory. @throws PlannerError `BAD_ARGUMENT` if the draft was given none */
export function requireTarget({ target }: ModelBuilder): Target {
  if (target !== null) return target;
  throw missingTarget(
    'This draft model reads the cache of the model whose tokens it guesses, but was given no such model.',
  );
}

/** @param message why the target is needed */
function missingTarget(message: string): PlannerError {
  return new PlannerError('BAD_ARGUMENT', {
    message,
    culprit: 'target',
    value: 'missing',
    limit: 'the header of the model whose tokens the draft guesses',
    remedy: 'Give the header of that model as the option `target`.',
  });
}

/** A target that a draft cannot guess for. */
export function unfitTarget(message: string, value: unknown, limit: string): PlannerError {
  const remedy = 'Give the header of the model that the draft was made for.';
  return new PlannerError('BAD_ARGUMENT', { message, culprit: 'target', value, limit, remedy });
}

/** Refuses a run that wants embeddings of texts. @throws PlannerError `BAD_ARGUMENT` */
export function refuseEmbeddings({ run }: ModelBuilder): void {
  if (run.pooling === null) return;
  throw new PlannerError('BAD_ARGUMENT', {
    message: 'This draft model guesses tokens; it makes no embeddings of texts.',
    culprit: 'embeddings',
    value: true,
    limit: 'false for this architecture',
    remedy: 'Leave the option `embeddings` out.',
  });
}

/** The list of the tokens that the draft knows; null: it knows all tokens of its target. */
export function knownTokens({ top }: ModelBuilder): Tensor | null {
  const ne = top.listedShape('d2t');
  if (ne === null) return null;
  const list = top.weight('d2t', [ne[0]]);
  if (list.type.name === 'i64') return list;
  const message = `${named('d2t')} is of type ${list.type.name}, but must be of type i64, as it lists tokens.`;
  throw badTensor(message, 'd2t', `of type ${list.type.name}`, 'of type i64');
}

/** Scores of the tokens that a draft knows as scores of all tokens; the others get `value`. */
export function scattered({ ctx, hp }: ModelBuilder, scores: Tensor, known: Tensor | null, value: number): Tensor {
  if (known === null) return scores;
  const [count, rows] = scores.ne;
  const all = ctx.fill(ctx.newTensor('f32', [1, hp.vocabularySize, rows]), value);
  const filled = ctx.setRows(all, ctx.reshape(scores, [1, count, rows]), ctx.reshape(known, [count, 1, 1]));
  return ctx.reshape(filled, [hp.vocabularySize, rows]);
}

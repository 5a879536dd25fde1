/**
 * From the embeddings of tokens to one embedding, or one score, of each text.
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's `build_pooling` and
 * `build_dense_out`.
 */
import { wrongValue, type PlannerError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { ModelBuilder } from '../model-builder.js';
import type { Batch } from '../options.js';
import type { Pooling } from '../pooling.js';
import type { Presence } from '../presence.js';
import { weightIf } from './linear.js';
import { norm } from './norm.js';

/** How an architecture scores whole texts. A file may lack all of its matrices. */
export interface ClassifierRecipe {
  /** What of a text is scored. Default: the embedding of one of its tokens. */
  readonly reads?: 'mean';
  /** A matrix, a non-linearity and, if the file has one, a norm, ahead of the scores. Default: none. */
  readonly hidden?: HiddenRecipe;
  /** Bias of the matrix that gives the scores; null: there is no such matrix. Default: none. */
  readonly scoreBias?: Presence | null;
  /** Whether scores are turned into shares. Default false. */
  readonly isShared?: boolean;
}

export interface HiddenRecipe {
  readonly activation: 'tanh' | 'gelu';
  /** Elements of its result. Default: as many as an embedding has. */
  readonly length?: number;
  /** Default: none. */
  readonly bias?: Presence;
  /** Default: none. */
  readonly norm?: Presence;
}

/**
 * Adds the embedding, or the score, of each text, if embeddings are wanted.
 *
 * @param embedding of each wanted token
 * @throws PlannerError `BAD_MODEL`, `BAD_ARGUMENT`
 */
export function poolTexts(m: ModelBuilder, embedding: Tensor, recipe: ClassifierRecipe | null = null): void {
  const { hp, graph, ctx, top, run } = m;
  const classify = recipe === null ? null : classifier(m, recipe);
  const projections = hp.projections.map(({ part, ne: [from, to], bias = 'none' }) => ({
    weight: top.optionalWeight(`${part}.weight`, [from, to]),
    bias: weightIf(top, bias, `${part}.bias`, [to]),
  }));
  if (run.pooling === null) return;
  const pooled = top.named(POOL[run.pooling](m, embedding, classify), 'result_embd_pooled');
  graph.expand(pooled);
  const projected = projections.reduce((x, { weight, bias }) => {
    const product = weight === null ? x : ctx.mulMat(weight, x);
    return bias === null ? product : ctx.add(product, bias);
  }, pooled);
  graph.expand(ctx.setOutput(top.named(projected, 'result_embd_pooled')));
}

/** From the embeddings of tokens to the score of each text. */
type Classify = (embedding: Tensor) => Tensor;

const POOL: Readonly<Record<Pooling, (m: ModelBuilder, x: Tensor, classify: Classify | null) => Tensor>> = {
  none: (_, x) => x,
  mean: meanOfTexts,
  cls: tokenOfTexts,
  last: tokenOfTexts,
  rank: (m, x, classify) => (classify ?? tokenOfTexts.bind(null, m))(x),
};

/** The embedding of one token of each text. */
function tokenOfTexts(m: ModelBuilder, x: Tensor): Tensor {
  return m.ctx.getRows(x, m.input('i32', [m.batch.sequences]));
}

function meanOfTexts(m: ModelBuilder, x: Tensor): Tensor {
  const { ctx, batch } = m;
  if (x.ne[1] !== batch.tokens) throw tooFewOutputs(batch);
  return ctx.mulMat(ctx.cont(ctx.transpose(x)), m.input('f32', [batch.tokens, batch.sequences]));
}

function tooFewOutputs({ outputs, tokens }: Batch): PlannerError {
  return wrongValue('BAD_ARGUMENT', {
    culprit: 'outputs',
    value: outputs,
    limit: `${tokens}, all tokens of the batch, as the mean of a text is made of all of its tokens`,
    remedy: 'Let `outputs` be 0, and `ubatchSize` a multiple of `parallel`.',
  });
}

/** Asks the file for the matrices. */
function classifier(m: ModelBuilder, recipe: ClassifierRecipe): Classify {
  const { ctx, top, hp } = m;
  const { reads, hidden, scoreBias = 'none', isShared } = recipe;
  const prepare = hidden === undefined ? (x: Tensor): Tensor => x : hiddenLayer(m, hidden);
  const presence = scoreBias === null ? 'none' : 'optional';
  const weight = weightIf(top, presence, 'cls.output.weight', [hp.embeddingLength, hp.classCount]);
  const bias = weightIf(top, scoreBias ?? 'none', 'cls.output.bias', [hp.classCount]);
  return (embedding) => {
    const read = prepare((reads === 'mean' ? meanOfTexts : tokenOfTexts)(m, embedding));
    const scores = weight === null ? read : ctx.mulMat(weight, read);
    const biased = bias === null || weight === null ? scores : ctx.add(scores, bias);
    return isShared ? ctx.softMax(biased) : biased;
  };
}

function hiddenLayer(m: ModelBuilder, recipe: HiddenRecipe): (x: Tensor) => Tensor {
  const { ctx, top, hp } = m;
  const { activation, length = hp.embeddingLength } = recipe;
  const weight = top.optionalWeight('cls.weight', [hp.embeddingLength, length]);
  const bias = weightIf(top, recipe.bias ?? 'none', 'cls.bias', [length]);
  const scale = weightIf(top, recipe.norm ?? 'none', 'cls.norm.weight', [hp.embeddingLength]);
  return (x) => {
    if (weight === null) return x;
    const product = ctx.mulMat(weight, x);
    const biased = bias === null ? product : ctx.add(product, bias);
    const active = activation === 'gelu' ? ctx.gelu(biased) : ctx.tanh(biased);
    return scale === null ? active : norm(top, 'cls.norm', active, { kind: 'layer', bias: 'none' });
  };
}

/**
 * The graph of a layer that predicts further tokens, as a context of its own.
 *
 * Invariant: operations and their order are those of llama.cpp's `graph_mtp` of the same architecture. Results inside of
 * the layer are named as in other layers.
 */
import { PlannerError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { finish } from '../blocks/inputs.js';
import { adapted, linear } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { refuseEmbeddings } from '../blocks/target.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import { Inputs } from './inputs.js';
import type { BlockMaker, DecoderRecipe, PredictionRecipe } from './recipe.js';
import { evened, scores } from './scores.js';

/** @throws PlannerError `BAD_MODEL`, `BAD_ARGUMENT` */
export function buildPrediction<H extends Hyperparameters>(
  m: ModelBuilder<H>,
  recipe: DecoderRecipe<H>,
  prediction: PredictionRecipe<H>,
  makeLayer: BlockMaker<H>,
): void {
  const { ctx, top, hp, batch } = m;
  const { count = 'one', check, join = joined } = prediction;
  refuseEmbeddings(m);
  if (count === 'one' && hp.predictLayerCount > 1) throw tooMany(hp.predictLayerCount);
  const [s] = m.predictLayers();
  check?.(s);
  const tokens = m.input('i32', [batch.tokens]);
  const embedded = s.named(ctx.getRows(tableOf(s, prediction), tokens), 'mtp_tok_embd');
  const result = m.input('f32', [hp.outputLength, batch.tokens], 'mtp_h_input');
  const inputs = new Inputs(m, embedded);
  const layer = makeLayer(m, inputs);
  const said = layer(s, join(s, embedded, result));
  const { wanted } = inputs;
  const [next, embedding] = concluded(s, said, wanted, prediction);
  if (embedding !== next) top.named(embedding, 'mtp_shared_head_norm');
  if (prediction.givesEmbeddings) ctx.setOutput(embedding);
  ctx.setOutput(top.named(next, 'h_nextn'));
  finish(m, predictedScores(s, embedding, recipe, prediction));
}

/** What the next guess reads, and what the scores are made of. */
function concluded<H extends Hyperparameters>(
  s: Layer<H>,
  said: Tensor,
  wanted: Tensor,
  prediction: PredictionRecipe<H>,
): [Tensor, Tensor] {
  const { keepsWantedAfter = 'norm', conclude } = prediction;
  if (keepsWantedAfter === 'layer') {
    const kept = s.ctx.getRows(said, wanted);
    return [kept, finalNorm(s, conclude?.(s, kept) ?? kept, prediction)];
  }
  const normed = finalNorm(s, said, prediction);
  return [normed, keepsWantedAfter === 'norm' ? s.ctx.getRows(normed, wanted) : normed];
}

function tableOf<H extends Hyperparameters>(s: Layer<H>, { isShared }: PredictionRecipe<H>): Tensor {
  const { embeddingLength, vocabularySize } = s.hp;
  const ne = [embeddingLength, vocabularySize];
  const own = isShared ? null : s.optionalWeight('nextn.embed_tokens.weight', ne);
  return own ?? s.model.top.weight('token_embd.weight', ne);
}

function joined<H extends Hyperparameters>(s: Layer<H>, embedded: Tensor, result: Tensor): Tensor {
  const even = s.named(norm(s, 'nextn.enorm', embedded), 'mtp_enorm');
  const both = s.named(s.ctx.concat(even, s.named(norm(s, 'nextn.hnorm', result), 'mtp_hnorm'), 0), 'mtp_concat');
  return s.named(linear(s, 'nextn.eh_proj', both, s.hp.embeddingLength), 'mtp_eh_proj');
}

function finalNorm<H extends Hyperparameters>(
  s: Layer<H>,
  x: Tensor,
  { norms = ['nextn.shared_head_norm'], norm: options }: PredictionRecipe<H>,
): Tensor {
  const { top } = s.model;
  const how = options?.(s);
  const own = norms.find((part) => s.optionalWeight(`${part}.weight`, [x.ne[0]]) !== null);
  return own === undefined ? norm(top, 'output_norm', x, how, top) : norm(s, own, x, how, top);
}

function predictedScores<H extends Hyperparameters>(
  s: Layer<H>,
  x: Tensor,
  { output = {} }: DecoderRecipe<H>,
  { isShared }: PredictionRecipe<H>,
): Tensor {
  const { ctx, hp, model } = s;
  const name = 'nextn.shared_head_head';
  const own = isShared ? null : s.optionalWeight(`${name}.weight`, [x.ne[0], hp.vocabularySize]);
  if (own === null) return scores(model, x, output);
  const plain = ctx.mulMat(own, x);
  const scale = s.optionalWeight(`${name}.scale`, [1]);
  return evened(model, adapted(s, own, x, scale === null ? plain : ctx.mul(plain, scale)));
}

function tooMany(count: number): PlannerError {
  return new PlannerError('BAD_ARGUMENT', {
    message: `This model has ${count} layers that predict further tokens, but llama.cpp runs only one of this architecture.`,
    culprit: 'contextType',
    value: 'mtp',
    limit: 'default for this model',
    remedy: 'Leave the option `contextType` out.',
  });
}

/**
 * Builds a decoder from its recipe.
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's graph of the same architecture.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Architecture } from '../architecture.js';
import { feedForward, limitedGate } from '../blocks/feed-forward.js';
import { finalNorm, finish, keepWanted, scaledEmbedding, tokenRows } from '../blocks/inputs.js';
import { weightIf } from '../blocks/linear.js';
import { hasExperts, mixture } from '../blocks/mixture.js';
import { norm } from '../blocks/norm.js';
import { poolTexts } from '../blocks/pooling.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { Layer, ModelBuilder, Scope } from '../model-builder.js';
import { headAttention } from './attention.js';
import { Inputs } from './inputs.js';
import { requirePredictLayers } from './predict-layers.js';
import { buildPrediction } from './prediction.js';
import { readDecoder } from './read.js';
import { leaveScores, scores } from './scores.js';
import type {
  Block,
  BlockMaker,
  DecoderInputs,
  DecoderRecipe,
  EmbeddingRecipe,
  NormPlace,
  NormPlaces,
  ParallelResidual,
  PredictionRecipe,
  RecipeEntries,
  SumPart,
} from './recipe.js';

export function decoder<H extends Hyperparameters = Hyperparameters>(recipe: DecoderRecipe<H>): Architecture<H> {
  const { prediction } = recipe;
  return {
    graphRoom: recipe.graphRoom,
    read: (reader) => readDecoder(reader, recipe),
    build: (m) => {
      build(m, recipe);
    },
    predict:
      prediction &&
      ((m): void => {
        buildPrediction(m, recipe, prediction, predictLayer(recipe, prediction));
      }),
  };
}

/** The layer that predicts further tokens: as the others, but for what its recipe says. */
function predictLayer<H extends Hyperparameters>(
  recipe: RecipeEntries<H>,
  { layer = {} }: PredictionRecipe<H>,
): BlockMaker<H> {
  if (typeof layer === 'function') return layer;
  return recipe.layer ?? decoderLayer({ ...recipe, keepsWantedAfter: 'nothing', ...layer });
}

function build<H extends Hyperparameters>(m: ModelBuilder<H>, recipe: RecipeEntries<H>): void {
  const rows = tokenRows(m, recipe.embedding?.weights);
  const inputs = new Inputs(m, rows);
  const embedded = scaledEmbedding(m, rows);
  const makeLayer = recipe.layer ?? decoderLayer(recipe);
  const layer = makeLayer(m, inputs);
  let x = placed(m, embedded, inputs, recipe.embedding ?? {});
  if (recipe.begin !== undefined) x = recipe.begin(m, x, inputs);
  for (const s of m.layers()) x = layer(s, x);
  const conclude = recipe.conclude ?? concluded;
  const embedding = conclude(m, x, inputs, recipe);
  const { output = {}, predicts, predictTensors = 'all' } = recipe;
  const isUnread = output.isUnread === 'with-embeddings' ? m.run.pooling !== null : output.isUnread;
  if (isUnread) leaveScores(m, embedding, output);
  else finish(m, scores(m, embedding, output));
  poolTexts(m, embedding, recipe.classifier);
  if (typeof predictTensors === 'function') m.predictLayers().forEach(predictTensors);
  else if (predicts !== undefined)
    requirePredictLayers(m, predictTensors, (spare) => makeLayer(spare, new Inputs(spare, rows)));
  recipe.end?.(m);
}

/** From the last layer's result to the embedding of the text. */
function concluded<H extends Hyperparameters>(
  m: ModelBuilder<H>,
  x: Tensor,
  { wanted }: DecoderInputs,
  { keepsWantedAfter, finalNorm: how }: RecipeEntries<H>,
): Tensor {
  const { ctx, top } = m;
  // A draft model may read what is kept for every token.
  if (keepsWantedAfter === 'layers') return finalNorm(m, ctx.getRows(ctx.setOutput(x), wanted), how);
  if (keepsWantedAfter !== 'final-norm') return finalNorm(m, x, how);
  const all = top.named(finalNorm(m, x, how), 'h_nextn');
  return ctx.setOutput(top.named(ctx.getRows(all, wanted), 'result_norm'));
}

/** The embeddings, scaled, with positions, normalised. */
function placed(m: ModelBuilder, embedded: Tensor, { positions }: DecoderInputs, recipe: EmbeddingRecipe): Tensor {
  const { ctx, hp, top } = m;
  let x = labelled(top, embedded, recipe.label ?? null);
  if (recipe.scaled !== undefined) x = top.named(ctx.scale(x, Math.sqrt(hp.embeddingLength)), recipe.scaled);
  const table = weightIf(top, recipe.positions ?? 'none', 'position_embd.weight', [
    hp.embeddingLength,
    hp.contextLength,
  ]);
  if (table !== null) x = top.named(ctx.add(x, top.named(ctx.getRows(table, positions), 'pos_embd')), 'inpL');
  if (!recipe.isNormalised) return x;
  const [first] = m.layers();
  return first.named(norm(top, 'token_embd_norm', x, {}, first), 'inp_norm');
}

/** The layer that a recipe describes. */
export function decoderLayer<H extends Hyperparameters>(recipe: RecipeEntries<H>): BlockMaker<H> {
  const { norms: places = {}, residual } = recipe;
  return (m, inputs) => {
    const norms = typeof places === 'function' ? places(m.hp) : places;
    const attend = decoderAttention(recipe)(m, inputs);
    const parallel = typeof residual === 'function' ? residual(m.hp) : residual;
    const { keepsWantedAfter = 'attention' } = recipe;
    const described = { ...recipe, norms };
    return (s, x) => {
      const normed = normAt(s, norms.beforeAttention, ATTENTION_NORM, x);
      const attended = attend(s, normed);
      if (parallel) return sideBySide(s, { x, normed, attended }, inputs, described, parallel);
      const evened = norms.afterAttention;
      const [kept, rest] = keepsWantedAfter === 'attention' ? keepWanted(s, inputs.wanted, attended, x) : [attended, x];
      const even = evened === undefined ? kept : normAt(s, evened, null, kept);
      if (keepsWantedAfter !== 'attention-norm') return inTurn(s, even, rest, described);
      return inTurn(s, ...keepWanted(s, inputs.wanted, even, rest), described);
    };
  };
}

/** The attention that a recipe describes, or what layers with a state have in its place. */
export function decoderAttention<H extends Hyperparameters>(recipe: RecipeEntries<H>): BlockMaker<H> {
  const { attention = {}, rope, recurrence } = recipe;
  const attend = typeof attention === 'function' ? attention : headAttention(attention, rope);
  if (recurrence === undefined) return attend;
  return (m, inputs) => {
    if (m.hp.state === null) return attend(m, inputs);
    // There is nothing to attend to if every layer has a state.
    const remember = m.memory.kv && attend(m, inputs);
    const recur = recurrence(m, inputs);
    return (s, x) => (m.hp.state!.layers[s.index] ? recur : remember!)(s, x);
  };
}

/** A recipe whose norms are those of one model. */
type DescribedLayer<H extends Hyperparameters> = RecipeEntries<H> & { readonly norms: NormPlaces };

const ATTENTION_NORM: NormPlace = { part: 'attn_norm', label: 'attn_norm' };
const FEED_FORWARD_NORM: NormPlace = { part: 'ffn_norm', label: 'ffn_norm' };

/** Attention, normalised if it is at all, joins the residual, which the feed-forward network reads and joins in turn. */
function inTurn<H extends Hyperparameters>(
  s: Layer<H>,
  attended: Tensor,
  residual: Tensor,
  recipe: DescribedLayer<H>,
): Tensor {
  const { ctx } = s;
  const { norms, labels = {} } = recipe;
  const { attentionSum = 'ffn_inp', layer = 'l_out', residualFirst } = labels;
  const added = scaled(s, attended);
  const isFirst = residualFirst === 'attention' || residualFirst === 'both';
  const sum = isFirst ? ctx.add(residual, added) : ctx.add(added, residual);
  const middle = labelled(s, sum, attentionSum);
  const ready = normAt(s, norms.beforeFeedForward, FEED_FORWARD_NORM, middle);
  const fed = network(s, ready, recipe);
  const last = scaled(s, norms.afterFeedForward === undefined ? fed : normAt(s, norms.afterFeedForward, null, fed));
  const isFirstAgain = residualFirst === 'layer' || residualFirst === 'both';
  return labelled(s, isFirstAgain ? ctx.add(middle, last) : ctx.add(last, middle), layer);
}

/** Attention and feed-forward network read the residual side by side. */
function sideBySide<H extends Hyperparameters>(
  s: Layer<H>,
  { x, normed, attended }: Readonly<Record<'x' | 'normed' | 'attended', Tensor>>,
  { wanted }: DecoderInputs,
  recipe: DescribedLayer<H>,
  { feedForwardReads, sum, label }: ParallelResidual,
): Tensor {
  const { ctx } = s;
  const isKept = (recipe.keepsWantedAfter ?? 'attention') === 'attention';
  const [attention, residual, same] = isKept ? keepWanted(s, wanted, attended, x, normed) : [attended, x, normed];
  const isOwn = feedForwardReads === 'own-norm';
  const ready = isOwn ? normAt(s, recipe.norms.beforeFeedForward, FEED_FORWARD_NORM, residual) : same;
  const parts: Readonly<Record<SumPart, Tensor>> = { attention, residual, 'feed-forward': network(s, ready, recipe) };
  const [first, second, third] = sum.map((part) => parts[part]);
  const two = ctx.add(first, second);
  return s.named(ctx.add(label === undefined ? two : s.named(two, label), third), 'l_out');
}

function normAt(s: Layer, place: NormPlace | Block | null | undefined, usual: NormPlace | null, x: Tensor): Tensor {
  if (place === null) return x;
  if (typeof place === 'function') return place(s, x);
  const described = place ?? usual!;
  const { part, label, isLabelledOutside } = described;
  const { top } = s.model;
  const result = norm(s, part, x, described, isLabelledOutside === undefined ? s : top);
  return labelled(isLabelledOutside === 'both' ? top : s, result, label);
}

function labelled(s: Scope, x: Tensor, label: string | null): Tensor {
  return label === null ? x : s.named(x, label);
}

/** The feed-forward network of a layer: dense, or a mixture of experts. */
export function network<H extends Hyperparameters>(s: Layer<H>, x: Tensor, recipe: RecipeEntries<H>): Tensor {
  const { feedForward: dense = {}, experts } = recipe;
  const { feedForward: label = 'ffn_out' } = recipe.labels ?? {};
  if (typeof dense !== 'function' && experts !== undefined && hasExperts(s, experts)) return mixture(s, x, experts);
  const result =
    typeof dense === 'function'
      ? dense(s, x)
      : feedForward(s, x, s.feedForwardLength, { gated: limitedGate(s, 'others'), ...dense });
  return labelled(s, result, label);
}

function scaled({ ctx, hp }: Layer, x: Tensor): Tensor {
  return hp.residualScale === 0 ? x : ctx.scale(x, hp.residualScale);
}

/**
 * WavTokenizer's decoder: from codes of sound to its spectrum, by convolutions over time. It has no cache, and gives all
 * tokens of a batch.
 *
 * Activations lie as `[tokens, channels]` where a convolution reads them, and as `[channels, tokens]` where a norm over
 * channels or a matrix does.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Architecture } from '../architecture.js';
import { tokenEmbedding, vocabularyScores } from '../blocks/inputs.js';
import { product } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { poolTexts } from '../blocks/pooling.js';
import { readHyperparameters, withCachesIn, withHeads, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder, Scope } from '../model-builder.js';

interface WavHyperparameters extends Hyperparameters {
  /** Layers of the net that knows positions. */
  readonly positionLayerCount: number;
  /** Layers of the net of wide convolutions. */
  readonly convolutionLayerCount: number;
  /** Channels of both nets. */
  readonly channelCount: number;
  /** Channels are normalised in so many groups. */
  readonly groupCount: number;
  readonly groupEpsilon: number;
}

export const wavtokenizer: Architecture<WavHyperparameters> = { read, build };

function read(reader: MetadataReader): WavHyperparameters {
  const plain = withCachesIn(readHyperparameters(reader), () => false);
  const embeddingLength = reader.positive('features_length');
  const channelCount = reader.positive('posnet.embedding_length');
  if (reader.positive('convnext.embedding_length') !== channelCount) {
    reader.refuse('convnext.embedding_length', `${channelCount}, as posnet.embedding_length`);
  }
  return {
    ...withHeads(plain, ({ headCount }) => headLengths(reader, embeddingLength, headCount)),
    embeddingLength,
    outputLength: plain.embeddingLength,
    norm: {
      kind: 'layer',
      epsilon: reader.number('attention.layer_norm_epsilon'),
      weight: 'required',
      bias: 'required',
    },
    groupEpsilon: reader.number('attention.group_norm_epsilon'),
    groupCount: reader.positive('attention.group_norm_groups'),
    channelCount,
    positionLayerCount: layerCount(reader, 'posnet', Math.min(POSITION_NET.length, plain.layerCount)),
    convolutionLayerCount: layerCount(reader, 'convnext', plain.layerCount),
  };
}

/** Heads are as long as the features that they share, though none are built. */
function headLengths(
  reader: MetadataReader,
  width: number,
  headCount: number,
): { readonly keyLength: number; readonly valueLength: number } {
  const length = headCount === 0 ? 0 : Math.floor(width / headCount);
  return {
    keyLength: reader.integer('attention.key_length', length),
    valueLength: reader.integer('attention.value_length', length),
  };
}

function layerCount(reader: MetadataReader, net: string, most: number): number {
  const count = reader.integer(`${net}.block_count`);
  return count <= most ? count : reader.refuse(`${net}.block_count`, `at most ${most}`);
}

function build(m: ModelBuilder<WavHyperparameters>): void {
  const { ctx, hp, top } = m;
  const [first] = m.layers();
  let x = convolved(top, 'conv1d', turnedOver(top, tokenEmbedding(m)), 7);
  for (const s of m.layers('posnet', hp.positionLayerCount)) x = POSITION_NET[s.index](s, x);
  x = turnedOver(top, norm(top, 'token_embd_norm', turnedOver(top, x), {}, first));
  for (const s of m.layers('convnext', hp.convolutionLayerCount)) x = ctx.add(wideConvolution(s, x), x);
  const normed = norm(top, 'output_norm', turnedOver(top, x));
  const spectrum = vocabularyScores(m, normed, { presence: 'required', length: hp.outputLength });
  const result = ctx.add(spectrum, top.weight('output.bias', [hp.outputLength]));
  m.graph.expand(ctx.setOutput(top.named(result, 'result_embd')));
  poolTexts(m, result);
}

type Block = (s: Layer<WavHyperparameters>, x: Tensor) => Tensor;

/** The layers of the net that knows positions. */
const POSITION_NET: readonly Block[] = [residual, residual, attention, residual, residual, groupNormed('attn_norm')];

/** `[a, b]` as `[b, a]`. */
function turnedOver({ ctx }: Scope, x: Tensor): Tensor {
  return ctx.cont(ctx.transpose(x));
}

/** A convolution over time that keeps its length. */
function convolved(s: Scope<WavHyperparameters>, part: string, x: Tensor, width: number): Tensor {
  const { ctx } = s;
  const { channelCount } = s.hp;
  const kernel = s.weight(`${part}.weight`, [width, x.ne[1], channelCount]);
  const result = ctx.conv1d(kernel, x, { padding: Math.floor(width / 2) });
  return ctx.add(result, s.weight(`${part}.bias`, [1, channelCount]));
}

function groupNormed(part: string): Block {
  return (s, x) => {
    const { ctx, hp } = s;
    const [first] = s.model.layers();
    const [tokens, channels] = x.ne;
    const grouped = ctx.groupNorm(ctx.reshape(x, [tokens, 1, channels]), hp.groupCount, hp.groupEpsilon);
    const plain = first.named(ctx.reshape(grouped, [tokens, channels]), 'norm');
    const scaled = first.named(ctx.mul(plain, s.weight(`${part}.weight`, [1, channels])), 'norm_w');
    return ctx.add(scaled, s.weight(`${part}.bias`, [1, channels]));
  };
}

/** Two convolutions, each after a norm and a non-linearity. */
function residual(s: Layer<WavHyperparameters>, x: Tensor): Tensor {
  const { ctx } = s;
  const step = (index: 1 | 2, from: Tensor): Tensor => {
    const normed = groupNormed(`norm${index}`)(s, from);
    return convolved(s, `conv${index}`, ctx.mul(ctx.sigmoid(normed), normed), 3);
  };
  return ctx.add(step(2, step(1, x)), x);
}

/** Every moment looks at all others. */
function attention(s: Layer<WavHyperparameters>, x: Tensor): Tensor {
  const { ctx, hp } = s;
  const normed = groupNormed('attn_norm')(s, x);
  const [q, k, v] = ['attn_q', 'attn_k', 'attn_v'].map((part) => convolved(s, part, normed, 1));
  const scores = ctx.mulMat(turnedOver(s, k), turnedOver(s, q));
  const shares = ctx.softMax(scores, { scale: 1 / Math.sqrt(hp.channelCount) });
  return ctx.add(convolved(s, 'attn_output', ctx.mulMat(shares, v), 1), x);
}

/** A wide convolution of each channel by itself, and a network over the channels. */
function wideConvolution(s: Layer<WavHyperparameters>, x: Tensor): Tensor {
  const { ctx, model } = s;
  const { channelCount, feedForwardLengths } = s.hp;
  const [length] = feedForwardLengths;
  const kernel = s.weight('dw.weight', [7, 1, channelCount]);
  const mixed = ctx.add(ctx.conv1dDepthwise(kernel, x, { padding: 3 }), s.weight('dw.bias', [1, channelCount]));
  const normed = norm(s, 'norm', turnedOver(s, mixed), {}, model.top);
  const up = ctx.add(s.named(product(s, 'pw1', normed, length), 'ffn_up'), s.weight('pw1.bias', [length]));
  const active = s.named(ctx.gelu(s.named(up, 'ffn_up_b')), 'ffn_gelu');
  const down = s.named(product(s, 'pw2', active, channelCount), 'ffn_down');
  const result = ctx.add(down, s.weight('pw2.bias', [channelCount]));
  return turnedOver(s, ctx.mul(result, s.weight('gamma.weight', [channelCount])));
}

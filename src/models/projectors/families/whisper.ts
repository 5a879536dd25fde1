/**
 * Projectors behind the encoder of Whisper: Ultravox, Voxtral, Qwen2-Audio, GLM-ASR, MERaLiON and Music Flamingo.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_whisper_enc`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { linear } from '../blocks/linear.js';
import { plainNorm } from '../blocks/norm.js';
import { transformer } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

type Project = (e: Encoder, x: Tensor) => Tensor;

/** @param isHalved whether two rows become one, their mean, ahead of the last norm */
function whisper(project: Project, isHalved = false): ProjectorRecipe {
  return {
    modality: 'audio',
    adjust: (numbers) => ({ ...numbers, activation: 'gelu_erf' }),
    build: (e) => {
      const { ctx, top, given } = e;
      const sound = top.named(ctx.cont(ctx.transpose(convolved(e))), 'after_conv1d');
      const table = top.weight('a.position_embd.weight');
      const positions = ctx.view(table, [table.ne[0], Math.floor(given.width / 2)], [table.nb[1]]);
      const conclude = isHalved ? (rows: Tensor): Tensor => meanOfPairs(e, rows) : undefined;
      const rows = transformer(e, sound, { norm: 'layer', positions, conclude });
      return top.named(project(e, top.named(rows, 'after_transformer')), 'projected');
    },
  };
}

/** Two convolutions over time; the second halves the number of frames. */
function convolved(e: Encoder): Tensor {
  const { ctx, top } = e;
  let x = e.rawInput(1);
  for (const [part, stride] of [
    ['a.conv1d.1', 1],
    ['a.conv1d.2', 2],
  ] as const) {
    const kernel = top.weight(`${part}.weight`);
    const series = ctx.conv1d(kernel, x, { stride, padding: Math.floor(kernel.ne[0] / 2) });
    x = ctx.geluErf(ctx.add(series, top.weight(`${part}.bias`)));
  }
  return x;
}

function meanOfPairs({ ctx }: Encoder, x: Tensor): Tensor {
  const series = ctx.cont(ctx.transpose(x));
  return ctx.cont(ctx.transpose(ctx.pool1d(series, 'avg', 2)));
}

/**
 * So many rows become one; the last is filled with zeros. llama.cpp rounds the number of elements up as if it were to
 * be a multiple of a power of two, which the length of a row is not always.
 */
function stacked(e: Encoder, x: Tensor): Tensor {
  const { ctx, numbers } = e;
  const factor = e.reader.positive('audio.projector.stack_factor');
  if (factor <= 1) return x;
  const row = numbers.length * factor;
  const count = x.ne[0] * x.ne[1] * x.ne[2] * x.ne[3];
  // eslint-disable-next-line no-bitwise -- as ggml's GGML_PAD; BigInts have as many bits as they need
  const padded = Number((BigInt(count) + BigInt(row) - 1n) & ~(BigInt(row) - 1n));
  const all = padded > count ? ctx.pad(ctx.view(x, [count]), [padded - count]) : x;
  return ctx.view(all, [row, Math.floor(padded / row)]);
}

/** As {@link stacked}, named. */
function stack(e: Encoder, x: Tensor): Tensor {
  return e.top.named(stacked(e, x), 'after_stacked');
}

const TWO = { up: 'mm.a.mlp.1', down: 'mm.a.mlp.2' };

const ULTRAVOX = whisper((e, x) => {
  const { ctx, top } = e;
  const epsilon = 1e-6;
  const normed = ctx.mul(ctx.rmsNorm(stack(e, x), epsilon), top.weight('mm.a.norm_pre.weight'));
  const inner = ctx.swiglu(ctx.mulMat(top.weight('mm.a.mlp.1.weight'), normed), null, { swapped: true });
  const rows = ctx.mul(ctx.rmsNorm(inner, epsilon), top.weight('mm.a.norm_mid.weight'));
  return ctx.mulMat(top.weight('mm.a.mlp.2.weight'), rows);
});

const VOXTRAL = whisper((e, x) => feedForward(e.top, stack(e, x), TWO, 'gelu_erf'), true);

const QWEN_2_AUDIO = whisper((e, x) => linear(e.top, 'mm.a.fc', x), true);

const MUSIC_FLAMINGO = whisper((e, x) => feedForward(e.top, x, TWO, 'gelu_erf'), true);

const MERALION = whisper((e, x) => {
  const { ctx, top } = e;
  const rows = plainNorm(top, 'mm.a.norm_pre', stack(e, x));
  const inner = ctx.silu(linear(top, 'mm.a.mlp.0', rows));
  const gate = ctx.silu(linear(top, 'mm.a.mlp.1', inner));
  return linear(top, 'mm.a.mlp.3', ctx.mul(gate, linear(top, 'mm.a.mlp.2', inner)));
});

const GLM_ASR = whisper((e, x) => {
  const { ctx, top } = e;
  const rows = stacked(e, plainNorm(top, 'mm.a.norm_pre', x));
  // llama.cpp names the network as one of the first layer.
  const tokens = feedForward(top.called('-0'), rows, TWO, e.numbers.activation);
  return ctx.concat(ctx.concat(top.weight('v.boi'), tokens, 1), top.weight('v.eoi'), 1);
});

export const WHISPER = {
  ultravox: ULTRAVOX,
  voxtral: VOXTRAL,
  qwen2a: QWEN_2_AUDIO,
  musicflamingo: MUSIC_FLAMINGO,
  meralion: MERALION,
  glma: GLM_ASR,
} satisfies Readonly<Record<string, ProjectorRecipe>>;

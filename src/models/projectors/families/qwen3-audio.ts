/**
 * Qwen3-ASR and the encoder of sound of Qwen3-Omni.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_qwen3a`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { withBias } from '../blocks/linear.js';
import { transformer } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

/** Frames that are convolved by themselves. */
const CHUNK = 100;

/** Three convolutions of each chunk, which halve both sides. */
function convolved(e: Encoder, chunks: number): Tensor {
  const { ctx, top } = e;
  const sound = e.rawInput(1);
  const [frames, bins] = sound.ne;
  const nb = [frames * 4, CHUNK * 4, CHUNK * 4];
  let x = top.named(ctx.cont(ctx.view(sound, [CHUNK, bins, 1, chunks], nb)), 'inp_chunks');
  for (const index of [1, 2, 3]) {
    const part = `a.conv2d.${index}`;
    const planes = ctx.conv2d(top.weight(`${part}.weight`), x, { stride: 2, padding: 1 });
    const biased = ctx.add(planes, ctx.reshape(top.weight(`${part}.bias`), [1, 1, planes.ne[2], 1]));
    x = ctx.geluErf(biased);
  }
  return top.named(x, 'after_conv_blocks');
}

const RECIPE: ProjectorRecipe = {
  modality: 'audio',
  adjust: (numbers) => ({ ...numbers, activation: 'gelu_erf' }),
  build: (e) => {
    const { ctx, top, given } = e;
    const chunks = Math.floor(given.width / CHUNK);
    const columns = ctx.cont(ctx.permute(convolved(e, chunks), [2, 0, 1, 3]));
    const flat = ctx.reshape(columns, [columns.ne[0] * columns.ne[1], columns.ne[2] * columns.ne[3]]);
    const product = withBias(top, 'a.conv_out', ctx.mulMat(top.weight('a.conv_out.weight'), flat));
    const rows = top.named(product, 'after_conv_out');
    const table = top.weight('a.position_embd.weight');
    const ofChunk = ctx.view(table, [table.ne[0], Math.floor(rows.ne[1] / chunks)], [table.nb[1]]);
    const placed = ctx.add(rows, ctx.repeat(ofChunk, [table.ne[0], rows.ne[1]]));
    const x = top.named(transformer(e, placed, { norm: 'layer' }), 'after_transformer');
    return top.named(feedForward(top, x, { up: 'mm.a.mlp.1', down: 'mm.a.mlp.2' }, 'gelu_erf'), 'projected');
  },
};

export const QWEN_3_AUDIO = { qwen3a: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;

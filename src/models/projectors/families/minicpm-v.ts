/**
 * MiniCPM-V up to 4.5, whose resampler asks the patches a fixed number of questions.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_minicpmv`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { attend, usualScale } from '../blocks/attention.js';
import { linear } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { patchRows } from '../blocks/patches.js';
import { transformer } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { MetadataReader } from '../../metadata-reader.js';
import type { ProjectorRecipe } from '../recipe.js';

const HEAD_LENGTH = 128;

/** What each version asks, where the file does not say it. */
const QUERIES: Readonly<Record<number, number | undefined>> = { 3: 64, 4: 64, 5: 64, 6: 64, 100045: 64 };
const QUERIES_OF_OTHERS = 96;

function queryCount(reader: MetadataReader): number {
  const stated = reader.integer('minicpmv_query_num', 0);
  return stated > 0 ? stated : (QUERIES[reader.signed('minicpmv_version', 0)] ?? QUERIES_OF_OTHERS);
}

/** Sines and cosines of each patch's column and row. */
function waves(e: Encoder, length: number): Tensor {
  const { ctx, patchCount } = e;
  const omega = e.input('f32', [Math.floor(length / 4)], 'omega');
  const [h, w] = [e.input('f32', [1, patchCount], 'pos_h'), e.input('f32', [1, patchCount], 'pos_w')];
  const repeated = ctx.repeat(omega, [omega.ne[0], patchCount, 1, 1]);
  const [x, y] = [ctx.mul(repeated, w), ctx.mul(repeated, h)].map((angles) =>
    ctx.concat(ctx.sin(angles), ctx.cos(angles), 0),
  );
  return ctx.concat(x, y, 0);
}

function resampled(e: Encoder, rows: Tensor): Tensor {
  const { ctx, top, patchCount } = e;
  const [length] = top.weight('resampler.proj.weight').ne;
  const queries = norm(top, 'resampler.ln_q', top.weight('resampler.query'), 'layer');
  const values = norm(top, 'resampler.ln_kv', ctx.mulMat(top.weight('resampler.kv.weight'), rows), 'layer');
  const keys = ctx.add(values, waves(e, length));
  const heads = (part: string, x: Tensor, count: number): Tensor =>
    ctx.reshape(linear(top, `resampler.attn.${part}`, x), [HEAD_LENGTH, Math.floor(length / HEAD_LENGTH), count]);
  const q = top.named(heads('q', queries, queryCount(e.reader)), 'resampler_Q');
  const k = top.named(heads('k', keys, patchCount), 'resampler_K');
  const v = top.named(heads('v', values, patchCount), 'resampler_V');
  const answers = attend(top, { q, k, v }, { output: 'resampler.attn.out', scale: usualScale(HEAD_LENGTH) });
  return norm(top, 'resampler.ln_post', top.named(answers, 'resampler_attn_out'), 'layer');
}

const RESAMPLER: ProjectorRecipe = {
  build: (e) => {
    const { ctx, top } = e;
    const chosen = e.input('i32', [e.patchCount], 'positions');
    const positions = ctx.getRows(top.weight('v.position_embd.weight'), chosen);
    const rows = transformer(e, patchRows(e), { norm: 'layer', positions });
    return ctx.mulMat(top.weight('resampler.proj.weight'), resampled(e, rows));
  },
};

export const MINICPM_V = { resampler: RESAMPLER } satisfies Readonly<Record<string, ProjectorRecipe>>;

/**
 * Mixtral: Llama's attention, and experts of which each token is sent to some.
 *
 * Invariant: how many tokens an expert gets depends on the data. Here each gets the same share, which is the least that
 * the largest can get.
 */
import { ELEMENT_TYPES } from '../../tensor/element-type.js';
import type { Builder, Module } from '../builder.js';
import { gradNode } from '../eager/grad-node.js';
import { castTo } from '../eager/ops/cast.js';
import { mul, silu } from '../eager/ops/element-wise.js';
import { linear } from '../eager/ops/matrix.js';
import { softmax } from '../eager/ops/norms.js';
import { inRows, split, view } from '../eager/ops/views.js';
import type { Tape } from '../eager/tape.js';
import type { Value } from '../eager/value.js';
import { decoderProgram, rotaryAttention, twoParts, type Context } from './decoder.js';
import type { Family } from './family.js';
import { LLAMA_LAYERS, LLAMA_NAMES, readLlama } from './llama.js';

const { f32, i64 } = ELEMENT_TYPES;

function block(b: Builder, name: string, context: () => Context): Module {
  const attention = rotaryAttention(b, `${name}.self_attn`, context);
  const feed = experts(b, `${name}.mlp`);
  const norm1 = b.rmsNorm(`${name}.input_layernorm`);
  const norm2 = b.rmsNorm(`${name}.post_attention_layernorm`);
  return twoParts(b, attention, feed, norm1, norm2);
}

function experts(b: Builder, name: string): Module {
  const { tape: t } = b;
  const { hidden, ffn } = b.model;
  const { count, perToken } = b.model.experts!;
  const gate = b.parameter(`${name}.gate.weight`, [count, hidden]);
  const gateUp = b.experts(`${name}.experts.gate_up_proj`, count, 2 * ffn, hidden);
  const down = b.experts(`${name}.experts.down_proj`, count, hidden, ffn);
  return (x) =>
    t.frame((hold) => {
      const flat = hold(inRows(t, hold(x), hidden));
      const tokens = flat.shape[0];
      const weights = hold(router(t, flat, gate, perToken));
      let sum = t.emit('aten.zeros.default', [], [{ type: x.type, shape: [tokens, hidden] }])[0];
      const share = Math.ceil((tokens * perToken) / count);
      for (let expert = 0; expert < count; expert++) {
        const ids = t.emit('aten.nonzero.default', [], [{ type: i64, shape: [share] }])[0];
        const routed = t.frame((keep) => {
          const own = keep(gathered(t, flat, keep(ids), [share, hidden]));
          const [g, up] = split(t, keep(gateUp(own, expert)), 1, [ffn, ffn]);
          const fed = keep(down(mul(t, silu(t, g), up), expert));
          return mul(t, fed, gathered(t, weights, ids, [share, 1]));
        });
        sum = added(t, sum, ids, castTo(t, routed, x.type));
      }
      return view(t, sum, x.shape);
    });
}

/** The weight of each of a token's experts. */
function router(t: Tape, x: Value, gate: Value, perToken: number): Value {
  return t.frame((hold) => {
    const logits = hold(linear(t, x, gate, null));
    const shares = hold(softmax(t, castTo(t, logits, f32)));
    const node = gradNode(t, [shares]);
    const spec = { shape: [x.shape[0], perToken] };
    const [top, chosen] = t.emit(
      'aten.topk.default',
      [shares],
      [
        { type: f32, ...spec },
        { type: i64, ...spec },
      ],
    );
    const kept = node?.save(chosen);
    if (node === null || t.checkpoint !== null) t.release([chosen]);
    node?.finish([top], ([gradient]) => {
      const { type, shape } = shares;
      return t.emit('aten.scatter.value', [gradient!, kept!.get()], [{ type, shape }]);
    });
    return castTo(t, top, x.type);
  });
}

/** `x[ids]`: the rows of some tokens. */
function gathered(t: Tape, x: Value, ids: Value, shape: readonly number[]): Value {
  const node = gradNode(t, [x]);
  const kept = node?.save(ids);
  const [rows] = t.emit('aten.index.Tensor', [x, ids], [{ type: x.type, shape }]);
  node?.finish([rows], ([gradient]) => {
    const back = { type: x.type, shape: x.shape };
    return t.emit('aten.index_put.default', [gradient!, kept!.get()], [back]);
  });
  return rows;
}

/** `sum.index_add_(0, ids, rows)` */
function added(t: Tape, sum: Value, ids: Value, rows: Value): Value {
  const node = gradNode(t, [sum, rows]);
  const kept = node?.save(ids);
  const result = { ...t.overwrite('aten.index_add_.default', sum, [ids, rows]), edge: sum.edge };
  node?.finish([result], ([gradient]) => {
    const spec = { type: rows.type, shape: rows.shape };
    const back = node.needs(1) ? t.emit('aten.index_select.default', [gradient!, kept!.get()], [spec])[0] : null;
    return [node.needs(0) ? gradient : null, back];
  });
  return result;
}

export const MIXTRAL: Family = {
  family: 'mixtral',
  modelTypes: ['mixtral'],
  read: (config) => ({
    ...readLlama(config),
    slidingWindow: config.countOrNone('sliding_window'),
    experts: { count: config.count('num_local_experts'), perToken: config.count('num_experts_per_tok') },
  }),
  layers: { q: LLAMA_LAYERS.q, k: LLAMA_LAYERS.k, v: LLAMA_LAYERS.v, o: LLAMA_LAYERS.o },
  adapted: ['q', 'v'],
  build: (b) => decoderProgram(b, { ...LLAMA_NAMES, block }),
};

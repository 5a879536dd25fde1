/**
 * BLOOM: positions as a slope of the scores (ALiBi), LayerNorm behind the embeddings, GELU with a gradient of its own.
 *
 * Invariant: transformers stores the scores whatever attention a run asks for: BLOOM has no fused one there.
 */
import { ELEMENT_TYPES } from '../../tensor/element-type.js';
import type { Builder, Module } from '../builder.js';
import { gradNode } from '../eager/grad-node.js';
import { castTo } from '../eager/ops/cast.js';
import { add, mul, scaled, shifted, unary } from '../eager/ops/element-wise.js';
import { baddbmm, bmm } from '../eager/ops/matrix.js';
import { softmax } from '../eager/ops/norms.js';
import { reshape, select, transpose, view } from '../eager/ops/views.js';
import type { Tape } from '../eager/tape.js';
import type { Value } from '../eager/value.js';
import { causalLoss, causalMask, runBlocks } from './blocks.js';
import type { Family, Program } from './family.js';

const { f32, i64 } = ELEMENT_TYPES;

/** What all blocks of a step share. */
interface Context {
  readonly mask: Value;
  readonly alibi: Value;
}

function build(b: Builder): Program {
  const { tape: t, model, run } = b;
  const tokens = b.embedding('transformer.word_embeddings', model.vocab, model.hidden);
  const first = b.layerNorm('transformer.word_embeddings_layernorm');
  let context: Context | null = null;
  const blocks = Array.from({ length: model.layers }, (_, index) => block(b, `transformer.h.${index}`, () => context!));
  const last = b.layerNorm('transformer.ln_f');
  const ids = b.input('input_ids', [run.batch, run.sequence]);
  const transformer = (): Value =>
    t.frame((hold) => {
      const embedded = hold(b.entering(tokens.rows(ids)));
      const x = first(embedded);
      const alibi = hold(slopes(t, run.batch, model.heads, run.sequence, x.type));
      const mask = hold(causalMask(t, run.batch, run.sequence, x.type));
      context = { mask, alibi };
      return last(runBlocks(b, blocks, x, [mask, alibi]));
    });
  return () =>
    t.frame((hold) => {
      const result = hold(transformer());
      return causalLoss(b, result, { weight: tokens.weight }, ids);
    });
}

/** The slope of every head times every position: `[batch × heads, 1, rows]`. */
function slopes(t: Tape, batch: number, heads: number, rows: number, type: Value['type']): Value {
  return t.frame((hold) => {
    const step = (op: string, operands: readonly Value[], shape: readonly number[], of = f32): Value =>
      t.emit(op, operands, [{ type: of, shape }])[0];
    const ones = hold(step('aten.ones.default', [], [batch, rows]));
    const slope = hold(step('aten.pow.Tensor_Scalar', [step('aten.arange.default', [], [heads], i64)], [heads]));
    const sums = step('aten.sub.Tensor', [step('aten.cumsum.default', [ones], [batch, rows])], [batch, rows]);
    const places = hold(step('aten.mul.Tensor', [sums, ones], [batch, 1, rows]));
    const alibi = hold(step('aten.mul.Tensor', [slope, places], [batch, heads, rows]));
    return castTo(t, view(t, alibi, [batch * heads, 1, rows]), type);
  });
}

function block(b: Builder, name: string, context: () => Context): Module {
  const { tape: t } = b;
  const { hidden, ffn } = b.model;
  const norm1 = b.layerNorm(`${name}.input_layernorm`);
  const qkv = b.linear(`${name}.self_attention.query_key_value`, hidden, 3 * hidden, true);
  const output = b.linear(`${name}.self_attention.dense`, hidden, hidden, true);
  const norm2 = b.layerNorm(`${name}.post_attention_layernorm`);
  const up = b.linear(`${name}.mlp.dense_h_to_4h`, hidden, ffn, true);
  const down = b.linear(`${name}.mlp.dense_4h_to_h`, ffn, hidden, true);
  const attention = (x: Value): Value => t.frame((hold) => output(scores(b, hold(qkv(x)), context())));
  return (x) =>
    t.frame((hold) => {
      const middle = hold(add(t, x, attention(hold(norm1(x)))));
      return add(t, middle, down(bloomGelu(t, up(hold(norm2(middle))))));
    });
}

function scores(b: Builder, qkv: Value, { mask, alibi }: Context): Value {
  const { tape: t } = b;
  const { heads, headDim } = b.model;
  const [batch, rows] = qkv.shape;
  const parts = view(t, qkv, [batch, rows, heads, 3, headDim]);
  const [query, key, value] = [0, 1, 2].map((part) => transpose(t, select(t, parts, 3, part), 1, 2));
  const flat = (x: Value): Value => reshape(t, x, [batch * heads, x.shape[2], x.shape[3]]);
  return t.frame((hold) => {
    const q = hold(flat(query));
    const k = hold(flat(transpose(t, key, 2, 3)));
    const all = view(t, hold(baddbmm(t, alibi, q, k)), [batch, heads, rows, rows]);
    const masked = hold(add(t, all, mask));
    const weights = hold(castTo(t, softmax(t, castTo(t, masked, f32)), qkv.type));
    const v = flat(value);
    const context = hold(bmm(t, view(t, weights, [batch * heads, rows, rows]), v));
    const joined = transpose(t, view(t, context, [batch, heads, rows, headDim]), 1, 2);
    return reshape(t, joined, [batch, rows, heads * headDim]);
  });
}

/** GELU as a function of its own: it saves its operand, and its gradient is computed out of that alone. */
function bloomGelu(t: Tape, x: Value): Value {
  const node = gradNode(t, [x]);
  const kept = node?.save(x);
  const { isGradEnabled } = t;
  t.isGradEnabled = false;
  const half = scaled(t, x);
  const result = mul(t, half, shifted(t, bent(t, x)));
  t.isGradEnabled = isGradEnabled;
  node?.finish([result], ([gradient]) => [gradientOfGelu(t, gradient!, kept!.get())]);
  return result;
}

/** `tanh(0.79788456 * x * (1 + 0.044715 * x * x))` */
function bent(t: Tape, x: Value): Value {
  const factor = scaled(t, x);
  return unary(t, 'aten.tanh.default', mul(t, factor, shifted(t, mul(t, scaled(t, x), x))));
}

function gradientOfGelu(t: Tape, gradient: Value, x: Value): Value {
  return t.frame((hold) => {
    const tanh = hold(bent(t, x));
    const half = scaled(t, x);
    const rest = unary(t, 'aten.rsub.Scalar', mul(t, tanh, tanh));
    const slope = mul(t, rest, shifted(t, mul(t, scaled(t, x), x)));
    const left = mul(t, half, slope);
    const factor = hold(add(t, left, scaled(t, shifted(t, tanh))));
    return mul(t, factor, gradient);
  });
}

export const BLOOM: Family = {
  family: 'bloom',
  modelTypes: ['bloom'],
  read: (config) => {
    const hidden = config.count('hidden_size', 'n_embed');
    return {
      vocab: config.count('vocab_size'),
      hidden,
      layers: config.count('n_layer', 'num_hidden_layers'),
      heads: config.count('n_head', 'num_attention_heads'),
      ffn: 4 * hidden,
    };
  },
  layers: { qkv: 'query_key_value', o: 'dense', up: 'dense_h_to_4h', down: 'dense_4h_to_h' },
  adapted: ['qkv'],
  build,
};

/**
 * T5: an encoder and a decoder, relative positions as a bias of the scores, RMSNorm, no biases of linear layers.
 */
import { ELEMENT_TYPES } from '../../tensor/element-type.js';
import { PLAIN_TYPES } from '../../tensor/plain-types.js';
import type { Builder, Module } from '../builder.js';
import { fusedAttention, unfusedAttention } from '../eager/ops/attention.js';
import { castTo } from '../eager/ops/cast.js';
import { add, mul, pow, relu, rsqrt, scaled, shifted, where } from '../eager/ops/element-wise.js';
import { crossEntropy } from '../eager/ops/loss.js';
import { linear } from '../eager/ops/matrix.js';
import { meanOfRows } from '../eager/ops/reduce.js';
import { toContiguous, transpose, view } from '../eager/ops/views.js';
import type { Tape } from '../eager/tape.js';
import type { Value } from '../eager/value.js';
import { joinHeads, runBlocks, splitHeads } from './blocks.js';
import type { Family, Program } from './family.js';
import { newGelu } from './gpt2.js';
import { relativeBias } from './relative-bias.js';

const { i64, f32 } = ELEMENT_TYPES;

/** What the blocks of one stack share in a step. */
interface Shared {
  bias: Value | null;
  /** The bias between the stacks: zeros. */
  crossBias: Value | null;
  encoded: Value | null;
}

interface Stack {
  readonly run: (embedded: Value, encoded: Value | null) => Value;
}

function build(b: Builder): Program {
  const { tape: t, model, run } = b;
  const { vocab, hidden } = model;
  const tokens = b.embedding('shared', vocab, hidden);
  const encoder = stack(b, 'encoder', model.layers, false);
  const decoder = stack(b, 'decoder', model.decoderLayers, true);
  const head = model.tiedEmbeddings ? tokens.weight : b.parameter('lm_head.weight', [vocab, hidden]);
  const ids = b.input('input_ids', [run.batch, run.sequence]);
  const labels = b.input('labels', [run.batch, run.targetSequence]);
  return () =>
    t.frame((hold) => {
      const encoded = hold(encoder.run(b.entering(tokens.rows(ids)), null));
      const decoded = hold(decoder.run(b.entering(tokens.rows(shiftedRight(t, labels))), encoded));
      const last = model.tiedEmbeddings ? scaled(t, decoded) : decoded;
      const logits = hold(linear(t, last, head, null));
      const rows = run.batch * run.targetSequence;
      return crossEntropy(t, view(t, logits, [rows, vocab]), view(t, labels, [rows]));
    });
}

/** The labels as the decoder reads them: moved by one, without the mark of padding. */
function shiftedRight(t: Tape, labels: Value): Value {
  const [batch, length] = labels.shape;
  const [moved] = t.emit('aten.new_zeros.default', [labels], [{ type: i64, shape: [batch, length] }]);
  t.release(t.emit('aten.clone.default', [labels], [{ type: i64, shape: [batch, length - 1] }]));
  t.release(t.emit('aten.lift_fresh.default', [], [{ type: i64, shape: [] }]));
  t.release(t.emit('aten.eq.Scalar', [moved], [{ type: PLAIN_TYPES.bool, shape: [batch, length] }]));
  return moved;
}

function stack(b: Builder, name: string, layers: number, isDecoder: boolean): Stack {
  const { tape: t } = b;
  const shared: Shared = { bias: null, crossBias: null, encoded: null };
  const blocks = Array.from({ length: layers }, (_, index) =>
    block(b, `${name}.block.${index}`, index === 0, isDecoder, shared),
  );
  const norm = t5Norm(b, `${name}.final_layer_norm`);
  const run: Stack['run'] = (embedded, encoded) => {
    shared.encoded = encoded;
    const held = encoded === null ? [] : [encoded];
    const result = norm(runBlocks(b, blocks, embedded, held));
    t.release([shared.bias, shared.crossBias]);
    return result;
  };
  return { run };
}

function block(b: Builder, name: string, isFirst: boolean, isDecoder: boolean, shared: Shared): Module {
  const { tape: t } = b;
  const attend = selfAttention(b, `${name}.layer.0.SelfAttention`, isFirst, isDecoder, shared);
  const parts = [residual(t, t5Norm(b, `${name}.layer.0.layer_norm`), attend)];
  if (isDecoder) {
    const cross = crossAttention(b, `${name}.layer.1.EncDecAttention`, shared);
    parts.push(residual(t, t5Norm(b, `${name}.layer.1.layer_norm`), cross));
  }
  const feed = feedForward(b, `${name}.layer.${isDecoder ? 2 : 1}.DenseReluDense`);
  parts.push(residual(t, t5Norm(b, `${name}.layer.${isDecoder ? 2 : 1}.layer_norm`), feed));
  return (x) => parts.reduce((value, part) => part(value), x);
}

function residual(t: Tape, norm: Module, body: Module): Module {
  return (x) => add(t, x, body(norm(x)));
}

function projections(b: Builder, name: string): Record<'q' | 'k' | 'v' | 'o', Module> {
  const { hidden, heads, headDim } = b.model;
  const inner = heads * headDim;
  const [q, k, v] = ['q', 'k', 'v'].map((part) => b.linear(`${name}.${part}`, hidden, inner, false));
  return { q, k, v, o: b.linear(`${name}.o`, inner, hidden, false) };
}

function selfAttention(b: Builder, name: string, isFirst: boolean, isDecoder: boolean, shared: Shared): Module {
  const { tape: t } = b;
  const { heads, relativeBuckets } = b.model;
  const { q, k, v, o } = projections(b, name);
  const table = isFirst ? b.parameter(`${name}.relative_attention_bias.weight`, [relativeBuckets, heads]) : null;
  return (x) =>
    t.frame((hold) => {
      const [query, key, value] = [q, k, v].map((part) => hold(splitHeads(t, part(x), heads)));
      if (table !== null) shared.bias = relativeBias(t, table, x.shape[1], !isDecoder);
      const attended = t.frame((keep) => {
        const bias = isDecoder ? keep(causal(t, shared.bias!)) : shared.bias!;
        const compute = bias.edge === null ? fusedAttention : unfusedAttention;
        return toContiguous(t, transpose(t, compute(t, query, key, value, bias), 1, 2));
      });
      return o(joinHeads(t, attended));
    });
}

/** The bias where a position may look: itself and what is before it. */
function causal(t: Tape, bias: Value): Value {
  const rows = bias.shape[2];
  const isSeen = t.frame((hold) => {
    const [own] = t.emit('aten.arange.default', [], [{ type: i64, shape: [rows] }]);
    const [other] = t.emit('aten.arange.default', [], [{ type: i64, shape: [rows] }]);
    return t.emit('aten.ge.Tensor', [hold(own), hold(other)], [{ type: PLAIN_TYPES.bool, shape: [rows, rows] }])[0];
  });
  return where(t, isSeen, bias);
}

function crossAttention(b: Builder, name: string, shared: Shared): Module {
  const { tape: t } = b;
  const { heads } = b.model;
  const { q, k, v, o } = projections(b, name);
  return (x) =>
    t.frame((hold) => {
      const encoded = shared.encoded!;
      const query = hold(splitHeads(t, q(x), heads));
      const [key, value] = [k, v].map((part) => hold(splitHeads(t, part(encoded), heads)));
      const shape = [1, heads, x.shape[1], encoded.shape[1]];
      shared.crossBias ??= t.emit('aten.zeros.default', [], [{ type: x.type, shape }])[0];
      const attended = fusedAttention(t, query, key, value, shared.crossBias);
      return o(joinHeads(t, toContiguous(t, transpose(t, attended, 1, 2))));
    });
}

function feedForward(b: Builder, name: string): Module {
  const { tape: t } = b;
  const { hidden, ffn, isGated } = b.model;
  if (!isGated) {
    const up = b.linear(`${name}.wi`, hidden, ffn, false);
    const down = b.linear(`${name}.wo`, ffn, hidden, false);
    return (x) => down(relu(t, up(x)));
  }
  const gate = b.linear(`${name}.wi_0`, hidden, ffn, false);
  const up = b.linear(`${name}.wi_1`, hidden, ffn, false);
  const down = b.linear(`${name}.wo`, ffn, hidden, false);
  return (x) => down(mul(t, newGelu(t, gate(x)), up(x)));
}

/** T5's norm: the sum of squares in fp32, the product in whatever that gives. */
function t5Norm(b: Builder, name: string): Module {
  const { tape: t } = b;
  const weight = b.parameter(`${name}.weight`, [b.model.hidden]);
  return (x) =>
    t.frame((hold) => {
      const variance = hold(meanOfRows(t, pow(t, castTo(t, x, f32))));
      const normed = mul(t, x, rsqrt(t, shifted(t, variance)));
      return mul(t, weight, hold(castTo(t, normed, weight.type)));
    });
}

export const T5: Family = {
  family: 't5',
  modelTypes: ['t5'],
  read: (config) => {
    const layers = config.count('num_layers');
    const feed = config.choice(
      { relu: ['relu', false], 'gated-gelu': ['gelu-new', true], 'gated-silu': ['silu', true] } as const,
      'relu',
      'feed_forward_proj',
    );
    return {
      vocab: config.count('vocab_size'),
      hidden: config.count('d_model'),
      layers,
      decoderLayers: config.countOr(layers, 'num_decoder_layers'),
      heads: config.count('num_heads'),
      headDim: config.count('d_kv'),
      ffn: config.count('d_ff'),
      activation: feed[0],
      isGated: feed[1],
      tiedEmbeddings: config.flagOr(true, 'tie_word_embeddings'),
      attentionBias: { qkv: false, output: false },
      relativeBuckets: config.countOr(32, 'relative_attention_num_buckets'),
    };
  },
  layers: { q: 'q', k: 'k', v: 'v', o: 'o', gate: 'wi_0', up: 'wi', down: 'wo' },
  adapted: ['q', 'v'],
  build,
};

/**
 * OPT: learned positions with an offset, LayerNorm before or after each part, ReLU.
 */
import { ELEMENT_TYPES } from '../../tensor/element-type.js';
import type { Builder, Module } from '../builder.js';
import { add, relu, scaled } from '../eager/ops/element-wise.js';
import { reshape } from '../eager/ops/views.js';
import type { Tape } from '../eager/tape.js';
import type { Value } from '../eager/value.js';
import { attend, causalLoss, causalMask, joinHeads, runBlocks, splitHeads } from './blocks.js';
import type { Family, Program } from './family.js';

function build(b: Builder): Program {
  const { tape: t, model, run } = b;
  const { vocab, hidden, positionRows, embeddingWidth, normalizesFirst, layers } = model;
  const tokens = b.embedding('model.decoder.embed_tokens', vocab, embeddingWidth);
  const table = b.embedding('model.decoder.embed_positions', positionRows, hidden);
  const isProjected = embeddingWidth !== hidden;
  const out = isProjected ? b.linear('model.decoder.project_out', hidden, embeddingWidth, false) : null;
  const into = isProjected ? b.linear('model.decoder.project_in', embeddingWidth, hidden, false) : null;
  const norm = normalizesFirst ? b.layerNorm('model.decoder.final_layer_norm') : null;
  let mask: Value | null = null;
  const blocks = Array.from({ length: layers }, (_, index) => block(b, `model.decoder.layers.${index}`, () => mask));
  const ids = b.input('input_ids', [run.batch, run.sequence]);
  const decoder = (): Value =>
    t.frame((hold) => {
      const embedded = hold(b.entering(tokens.rows(ids)));
      const { positionIds, ones } = maskPositions(t, run.batch, run.sequence);
      hold(ones);
      hold(positionIds);
      if (run.attention === 'eager') mask = hold(causalMask(t, run.batch, run.sequence, embedded.type));
      const [moved] = t.emit('aten.add.Tensor', [positionIds], [{ type: ELEMENT_TYPES.i64, shape: positionIds.shape }]);
      const placed = hold(table.rows(moved));
      const wide = into === null ? embedded : hold(into(embedded));
      let x = runBlocks(b, blocks, add(t, wide, placed), mask === null ? [positionIds] : [positionIds, mask]);
      if (norm !== null) x = norm(x);
      return out === null ? x : out(x);
    });
  return () =>
    t.frame((hold) => {
      const last = hold(decoder());
      return causalLoss(b, last, { weight: tokens.weight }, ids);
    });
}

/** Positions out of a mask of ones: their running sum less one, where the mask is not zero. */
function maskPositions(t: Tape, batch: number, length: number): { positionIds: Value; ones: Value } {
  const spec = { type: ELEMENT_TYPES.f32, shape: [batch, length] };
  const [ones] = t.emit('aten.ones.default', [], [spec]);
  const positionIds = t.frame((hold) => {
    const [sums] = t.emit('aten.cumsum.default', [ones], [spec]);
    const [masked] = t.emit('aten.mul.Tensor', [hold(sums), ones], [spec]);
    const [less] = t.emit('aten.sub.Tensor', [masked], [spec]);
    return t.emit('aten._to_copy.default', [less], [{ ...spec, type: ELEMENT_TYPES.i64 }])[0];
  });
  return { positionIds, ones };
}

function block(b: Builder, name: string, mask: () => Value | null): Module {
  const { tape: t } = b;
  const { hidden, ffn, normalizesFirst } = b.model;
  const attention = selfAttention(b, `${name}.self_attn`, mask);
  const norm1 = b.layerNorm(`${name}.self_attn_layer_norm`);
  const up = b.linear(`${name}.fc1`, hidden, ffn, true);
  const down = b.linear(`${name}.fc2`, ffn, hidden, true);
  const norm2 = b.layerNorm(`${name}.final_layer_norm`);
  const part = (x: Value, norm: Module, body: Module): Value => {
    const result = add(t, x, body(normalizesFirst ? norm(x) : x));
    return normalizesFirst ? result : norm(result);
  };
  return (x) =>
    t.frame((hold) => {
      const middle = hold(part(x, norm1, attention));
      const rows = reshape(t, middle, [middle.shape[0] * middle.shape[1], hidden]);
      const result = part(rows, norm2, (normed) => down(relu(t, up(normed))));
      return reshape(t, result, x.shape);
    });
}

function selfAttention(b: Builder, name: string, mask: () => Value | null): Module {
  const { tape: t } = b;
  const { hidden, heads, headDim } = b.model;
  const width = heads * headDim;
  const [k, v, q] = ['k_proj', 'v_proj', 'q_proj'].map((part) => b.linear(`${name}.${part}`, hidden, width, true));
  const output = b.linear(`${name}.out_proj`, width, hidden, true);
  return (x) =>
    t.frame((hold) => {
      hold(x);
      const query = hold(splitHeads(t, scaled(t, q(x)), heads));
      const key = hold(splitHeads(t, k(x), heads));
      const value = hold(splitHeads(t, v(x), heads));
      return output(joinHeads(t, attend(t, { query, key, value, mask: mask(), softmaxInF32: true })));
    });
}

export const OPT: Family = {
  family: 'opt',
  modelTypes: ['opt'],
  read: (config) => {
    const hidden = config.count('hidden_size');
    return {
      vocab: config.count('vocab_size'),
      hidden,
      layers: config.count('num_hidden_layers'),
      heads: config.count('num_attention_heads'),
      ffn: config.count('ffn_dim'),
      activation: config.choice({ relu: 'relu' } as const, 'relu', 'activation_function'),
      positionRows: config.count('max_position_embeddings') + 2,
      embeddingWidth: config.countOr(hidden, 'word_embed_proj_dim'),
      normalizesFirst: config.flagOr(true, 'do_layer_norm_before'),
    };
  },
  layers: { q: 'q_proj', k: 'k_proj', v: 'v_proj', o: 'out_proj', up: 'fc1', down: 'fc2' },
  adapted: ['q', 'v'],
  build,
};

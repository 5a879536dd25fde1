/**
 * A small GPT, written out in full: what the recordings of small cases were made with.
 */
import { ELEMENT_TYPES } from '../../tensor/element-type.js';
import { PLAIN_TYPES } from '../../tensor/plain-types.js';
import type { Builder } from '../builder.js';
import { fusedAttention } from '../eager/ops/attention.js';
import { castTo } from '../eager/ops/cast.js';
import { add, maskedFill, relu, scaled } from '../eager/ops/element-wise.js';
import { crossEntropy } from '../eager/ops/loss.js';
import { matmul } from '../eager/ops/matrix.js';
import { softmax } from '../eager/ops/norms.js';
import { permute, slice, t2, transpose, unbind, view } from '../eager/ops/views.js';
import { OUTSIDE } from '../eager/tape.js';
import type { Value } from '../eager/value.js';
import { joinHeads, runBlocks } from './blocks.js';
import type { Family, Program } from './family.js';

function build(b: Builder): Program {
  const { tape: t, model, run } = b;
  const { vocab, hidden, positionRows, layers } = model;
  const tokens = b.embedding('tok', vocab, hidden);
  const positions = b.parameter('pos.weight', [positionRows, hidden]);
  const mask = run.attention === 'eager' ? b.buffer('mask', PLAIN_TYPES.bool, [positionRows, positionRows]) : null;
  const blocks = Array.from({ length: layers }, (_, index) => block(b, `blocks.${index}`, mask));
  const norm = b.layerNorm('ln');
  const ids = b.input('input_ids', [run.batch, run.sequence]);
  return () =>
    t.frame((hold) => {
      const x = add(t, tokens.rows(ids), slice(t, positions, 0, 0, run.sequence));
      const last = runBlocks(b, blocks, x);
      const logits = hold(matmul(t, norm(last), t2(t, tokens.weight)));
      t.block = OUTSIDE;
      const rows = castTo(t, view(t, logits, [run.batch * run.sequence, vocab]), ELEMENT_TYPES.f32);
      return crossEntropy(t, rows, view(t, ids, [run.batch * run.sequence]));
    });
}

function block(b: Builder, name: string, mask: Value | null): (x: Value) => Value {
  const { tape: t } = b;
  const { hidden, heads, headDim, ffn } = b.model;
  const norm1 = b.layerNorm(`${name}.ln1`);
  const qkv = b.linear(`${name}.qkv`, hidden, 3 * heads * headDim, true);
  const output = b.linear(`${name}.o`, heads * headDim, hidden, true);
  const norm2 = b.layerNorm(`${name}.ln2`);
  const up = b.linear(`${name}.up`, hidden, ffn, true);
  const down = b.linear(`${name}.dn`, ffn, hidden, true);
  return (x) =>
    t.frame((hold) => {
      const attended = hold(attention(b, hold(qkv(norm1(x))), mask));
      const joined = joinHeads(t, transpose(t, attended, 1, 2));
      const middle = add(t, x, output(joined));
      return add(t, middle, down(relu(t, up(norm2(middle)))));
    });
}

function attention({ tape: t, model }: Builder, qkv: Value, mask: Value | null): Value {
  const [batch, rows] = qkv.shape;
  const parts = view(t, qkv, [batch, rows, 3, model.heads, model.headDim]);
  const [q, k, v] = unbind(t, permute(t, parts, [2, 0, 3, 1, 4]), 0);
  if (mask === null) return fusedAttention(t, q, k, v);
  return t.frame((hold) => {
    const scores = hold(scaled(t, matmul(t, q, transpose(t, k, -2, -1))));
    const seen = slice(t, slice(t, mask, 0, 0, rows), 1, 0, rows);
    return matmul(t, softmax(t, maskedFill(t, scores, seen)), v);
  });
}

export const SMALL_GPT: Family = {
  family: 'small-gpt',
  modelTypes: ['small-gpt'],
  read: (config) => ({
    vocab: config.count('vocab'),
    hidden: config.count('hidden'),
    layers: config.count('layers'),
    heads: config.count('heads'),
    ffn: config.count('ffn'),
    positionRows: config.count('positions'),
    activation: 'relu',
  }),
  layers: { qkv: 'qkv', o: 'o', up: 'up', down: 'dn' },
  adapted: ['qkv'],
  build,
};

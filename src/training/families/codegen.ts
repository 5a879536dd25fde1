/**
 * CodeGen: attention and feed-forward part side by side on one norm, rotation of neighbouring elements, scores in fp32.
 *
 * Invariant: transformers stores the scores whatever attention a run asks for: CodeGen has no fused one there.
 */
import { ELEMENT_TYPES } from '../../tensor/element-type.js';
import type { Builder, Module } from '../builder.js';
import { castTo } from '../eager/ops/cast.js';
import { add, mul, neg, scaled } from '../eager/ops/element-wise.js';
import { matmul } from '../eager/ops/matrix.js';
import { softmax } from '../eager/ops/norms.js';
import { concatenate, permute, reshape, slice, split, toContiguous, transpose, unsqueeze } from '../eager/ops/views.js';
import type { Tape } from '../eager/tape.js';
import type { Value } from '../eager/value.js';
import { causalLoss, causalMask, joinHeads, positions, runBlocks } from './blocks.js';
import type { Family, Program } from './family.js';
import { newGelu } from './gpt2.js';

const { f32 } = ELEMENT_TYPES;

/** Into how many runs the fused projection is cut, for the machines that CodeGen was trained on. */
const RUNS = 4;

/** What all blocks of a step share. */
interface Context {
  readonly mask: Value;
  readonly positionIds: Value;
  readonly table: Value;
}

function build(b: Builder): Program {
  const { tape: t, model, run } = b;
  const { vocab, hidden, rotaryDim } = model;
  const tokens = b.embedding('transformer.wte', vocab, hidden);
  let context: Context | null = null;
  const blocks = Array.from({ length: model.layers }, (_, index) => block(b, `transformer.h.${index}`, () => context!));
  const norm = b.layerNorm('transformer.ln_f');
  const head = b.parameter('lm_head.weight', [vocab, hidden]);
  const headBias = b.parameter('lm_head.bias', [vocab]);
  const table = b.buffer('embed_positions', f32, [model.positionRows, rotaryDim]);
  const ids = b.input('input_ids', [run.batch, run.sequence]);
  const transformer = (): Value =>
    t.frame((hold) => {
      const embedded = hold(b.entering(tokens.rows(ids)));
      const positionIds = hold(positions(t, run.sequence));
      const mask = hold(causalMask(t, run.batch, run.sequence, embedded.type));
      context = { mask, positionIds, table };
      return norm(runBlocks(b, blocks, embedded, [mask, positionIds]));
    });
  return () => t.frame((hold) => causalLoss(b, hold(transformer()), { weight: head, bias: headBias }, ids));
}

function block(b: Builder, name: string, context: () => Context): Module {
  const { tape: t } = b;
  const { hidden, ffn } = b.model;
  const norm = b.layerNorm(`${name}.ln_1`);
  const qkv = b.linear(`${name}.attn.qkv_proj`, hidden, 3 * hidden, false);
  const output = b.linear(`${name}.attn.out_proj`, hidden, hidden, false);
  const up = b.linear(`${name}.mlp.fc_in`, hidden, ffn, true);
  const down = b.linear(`${name}.mlp.fc_out`, ffn, hidden, true);
  const attention = (x: Value): Value => t.frame((hold) => output(attend(b, hold(qkv(x)), context())));
  return (x) =>
    t.frame((hold) => {
      const normed = hold(norm(x));
      const attended = hold(attention(normed));
      const fed = hold(down(newGelu(t, up(normed))));
      return add(t, add(t, attended, fed), x);
    });
}

function attend(b: Builder, qkv: Value, { mask, positionIds, table }: Context): Value {
  const { tape: t } = b;
  const { hidden, heads, headDim, rotaryDim } = b.model;
  const [batch, rows] = qkv.shape;
  const runs = reshape(t, qkv, [batch, rows, RUNS, (3 * hidden) / RUNS]);
  const width = hidden / RUNS;
  const [q, v, k] = split(t, runs, 3, [width, width, width]).map((part) =>
    reshape(t, part, [batch, rows, heads, headDim]),
  );
  return t.frame((hold) => {
    for (const part of [q, v, k]) hold(part);
    const [angles] = t.emit('aten.index.Tensor', [table, positionIds], [{ type: f32, shape: [1, rows, rotaryDim] }]);
    hold(angles);
    const turn = (x: Value): Value => {
      const turned = rotated(t, slice(t, x, 3, 0, rotaryDim), angles);
      const all = rotaryDim === headDim ? turned : concatenate(t, [turned, slice(t, x, 3, rotaryDim, headDim)], -1);
      return hold(permute(t, all, [0, 2, 1, 3]));
    };
    const [key, query] = [turn(k), turn(q)].map((each) => hold(castTo(t, each, f32)));
    const masked = add(t, matmul(t, query, transpose(t, key, 2, 3)), mask);
    const weights = hold(castTo(t, softmax(t, scaled(t, masked, 'aten.div.Tensor')), qkv.type));
    const result = matmul(t, weights, permute(t, v, [0, 2, 1, 3]));
    return joinHeads(t, toContiguous(t, permute(t, result, [0, 2, 1, 3])));
  });
}

/** `x * cos + rotate_every_two(x) * sin` */
function rotated(t: Tape, x: Value, angles: Value): Value {
  return t.frame((hold) => {
    const [batch, rows, heads, dim] = x.shape;
    const wide = (): Value =>
      hold(t.emit('aten.repeat_interleave.self_int', [angles], [{ type: f32, shape: [1, rows, 1, dim] }])[0]);
    const [sin, cos] = [wide(), wide()];
    const straight = mul(t, x, cos);
    const half = [batch, rows, heads, dim / 2];
    const pairs = concatenate(
      t,
      [neg(t, slice(t, x, 3, dim / 2, dim)), slice(t, x, 3, 0, dim / 2)].map((part) =>
        unsqueeze(t, reshape(t, part, half), 4),
      ),
      -1,
    );
    return add(t, straight, mul(t, reshape(t, pairs, x.shape), sin));
  });
}

export const CODEGEN: Family = {
  family: 'codegen',
  modelTypes: ['codegen'],
  read: (config) => {
    const hidden = config.count('n_embd');
    const heads = config.count('n_head');
    return {
      vocab: config.count('vocab_size'),
      hidden,
      layers: config.count('n_layer'),
      heads,
      ffn: config.countOr(4 * hidden, 'n_inner'),
      activation: 'gelu-new',
      positionRows: config.count('n_positions'),
      tiedEmbeddings: false,
      attentionBias: { qkv: false, output: false },
      rotaryDim: config.countOr(hidden / heads, 'rotary_dim'),
      hasParallelParts: true,
    };
  },
  layers: { qkv: 'qkv_proj', o: 'out_proj', up: 'fc_in', down: 'fc_out' },
  adapted: ['qkv'],
  build,
};

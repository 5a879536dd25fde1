/**
 * MiniMax-01: most layers are lightning attention, whose state fades at a fixed rate for each head, the others softmax
 * attention. The residual is what the norms give, not what they read.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { keepWanted } from '../blocks/inputs.js';
import { product } from '../blocks/linear.js';
import { mixture, type MixtureRecipe } from '../blocks/mixture.js';
import { norm } from '../blocks/norm.js';
import { fetchState, type StateInputs } from '../blocks/recurrent-state.js';
import { decoderAttention, decoder } from '../decoder/decoder.js';
import type { Block, DecoderInputs } from '../decoder/recipe.js';
import { withStates } from '../hyperparameters.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import { recurrentLayers } from '../scan.js';

const EXPERTS: MixtureRecipe = { isRequired: true, isNormalised: true, gate: 'optional', label: 'ffn_moe_out' };

/** Every eighth layer is softmax attention if the file does not say which. */
export const minimax01 = decoder({
  rope: { mode: 'neox' },
  layer: postNormLayer,
  experts: EXPERTS,
  scales: { residual: 'required' },
  graphRoom: { perToken: 40, perWeight: 32 },
  adjust: (hp, reader) => {
    const [{ keyLength, headCount }] = hp.attention.layers;
    const lengths = { convolution: 0, scan: keyLength ** 2 * headCount };
    return withStates(hp, lengths, recurrentLayers(reader, hp, 8));
  },
});

function postNormLayer(m: ModelBuilder, inputs: DecoderInputs): Block {
  const recipe = { rope: { mode: 'neox' }, recurrence: lightning } as const;
  const attend = decoderAttention(recipe)(m, inputs);
  return (s, x) => {
    const { ctx, hp } = s;
    const scaled = (residual: Tensor, part: string): Tensor =>
      s.named(ctx.scale(residual, hp.residualScale), `residual_scaled_${part}`);
    const normed = s.named(norm(s, 'attn_norm', x), 'attn_norm');
    const [kept, residual] = keepWanted(s, inputs.wanted, attend(s, normed), normed);
    const middle = s.named(ctx.add(kept, scaled(residual, 'attn')), 'ffn_inp');
    const ready = s.named(norm(s, 'ffn_norm', middle), 'ffn_norm');
    return s.named(ctx.add(mixture(s, ready, EXPERTS), scaled(ready, 'ffn')), 'l_out');
  };
}

/** Logarithms of what is left, for each head, after one token, and of what tokens of the batch see of each other. */
interface Decays {
  readonly slopes: Tensor;
  /** Null where a sequence has one token. */
  readonly ofTokens: { readonly q: Tensor; readonly k: Tensor; readonly pairs: Tensor } | null;
}

function decays(m: ModelBuilder): Decays {
  const { tokens, sequences } = m.batch;
  const [{ headCount: heads }] = m.hp.attention.layers;
  const perSequence = tokens / sequences;
  const slopes = m.input('f32', [heads], 'slopes');
  if (perSequence === 1) return { slopes, ofTokens: null };
  const perToken = [1, heads, perSequence, sequences];
  const q = m.input('f32', perToken, 'q_decay_exp');
  const k = m.input('f32', perToken, 'k_decay_exp');
  const pairs = m.input('f32', [perSequence, perSequence, heads, sequences], 'diag_decay_exp');
  return { slopes, ofTokens: { q, k, pairs } };
}

/** Queries, keys and values as `[head, heads, tokens, sequences]`, and the state of each sequence. */
interface Lightning {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly old: Tensor;
  /** Factor of the slopes in this layer. */
  readonly slopeScale: number;
  readonly rate: Tensor;
}

function lightning(m: ModelBuilder, { states }: DecoderInputs): Block {
  const { slopes, ofTokens } = decays(m);
  return (s, x) => {
    const { ctx, hp, model } = s;
    const { tokens, sequences } = model.batch;
    const { keyLength: length, headCount: heads } = s.heads;
    const { convolution, scan } = model.memory.state!.of(s.index);
    fetchState(s, states, convolution);
    const slopeScale = 1 - s.index / (hp.layerCount - 1) + 1e-5;
    const rate = s.named(ctx.scale(slopes, slopeScale), 'slope_rate');
    const rows = ctx.reshape(x, [x.ne[0], tokens / sequences, 1, sequences]);
    const heads4 = { ...queriesKeysValues(s, rows), old: oldState(s, states, scan), slopeScale, rate };
    const result = ofTokens === null ? oneToken(s, heads4) : manyTokens(s, heads4, ofTokens);
    s.expand(ctx.cpy(result.state, ctx.view(scan, [scan.ne[0] * sequences])));
    const permuted = s.named(ctx.cont(ctx.permute(result.output, [0, 2, 1, 3])), 'qkv_permuted');
    const flat = ctx.reshape(permuted, [length * heads, tokens / sequences, 1, sequences]);
    const even = s.named(norm(s, 'attn_norm_2', flat), 'qkv_norm');
    const gate = s.named(ctx.sigmoid(s.named(product(s, 'attn_gate', rows, length * heads), 'g')), 'g_sigm');
    const out = s.named(product(s, 'attn_output', ctx.mul(gate, even), hp.embeddingLength), 'attn_out');
    return s.named(ctx.reshape(out, [out.ne[0], tokens]), 'attn_out');
  };
}

function oldState(s: Layer, inputs: StateInputs, scan: Tensor): Tensor {
  const { keyLength: length, headCount } = s.heads;
  const fetched = fetchState(s, inputs, scan);
  return s.named(s.ctx.reshape(fetched, [length, length, headCount, s.model.batch.sequences]), 'kv_old');
}

function queriesKeysValues(s: Layer, x: Tensor): Pick<Lightning, 'q' | 'k' | 'v'> {
  const { ctx } = s;
  const { keyLength: length, headCount: heads } = s.heads;
  const joint = s.named(product(s, 'attn_qkv', x, 3 * length * heads), 'QKVcur');
  const activated = s.named(ctx.silu(joint), 'QKVcur_silu');
  const all = ctx.reshape(activated, [3 * length, heads, x.ne[1], x.ne[3]]);
  const part = (index: number): Tensor =>
    ctx.view(all, [length, heads, x.ne[1], x.ne[3]], all.nb.slice(1), index * length * all.nb[0]);
  return { q: s.named(part(0), 'Qcur'), k: s.named(part(1), 'Kcur'), v: s.named(part(2), 'Vcur') };
}

interface Attended {
  readonly output: Tensor;
  readonly state: Tensor;
}

/** The state fades, takes the token in and is asked. */
function oneToken(s: Layer, { q, k, v, old, rate }: Lightning): Attended {
  const { ctx } = s;
  const left = s.named(ctx.exp(s.named(ctx.scale(rate, -1), 'slopes_neg')), 'ratio');
  const perHead = s.named(ctx.reshape(left, [1, 1, s.heads.headCount]), 'ratio3d');
  const values = s.named(ctx.cont(ctx.permute(v, [1, 2, 0, 3])), 'v_trans');
  const keys = s.named(ctx.cont(ctx.permute(k, [1, 2, 0, 3])), 'k_trans');
  const fresh = s.named(ctx.mulMat(keys, values), 'kv_cur');
  const state = s.named(ctx.add(s.named(ctx.mul(old, perHead), 'kv_old_s'), fresh), 'kv_new');
  const output = s.named(ctx.mulMat(state, s.named(ctx.permute(q, [0, 2, 1, 3]), 'q_trans')), 'qkv');
  return { output, state };
}

/** What the old state answers, plus what tokens of the batch see of each other; then the state takes all of them in. */
function manyTokens(
  s: Layer,
  { q, k, v, old, slopeScale, rate }: Lightning,
  logs: NonNullable<Decays['ofTokens']>,
): Attended {
  const { ctx } = s;
  const left = (log: Tensor, label: string): Tensor => s.named(ctx.exp(ctx.scale(log, slopeScale)), label);
  const tokensFirst = (x: Tensor, label: string): Tensor => s.named(ctx.permute(x, [0, 2, 1, 3]), label);
  const [ofQ, ofK, ofPairs] = [left(logs.q, 'q_decay'), left(logs.k, 'k_decay'), left(logs.pairs, 'diag_decay')];
  const asked = tokensFirst(s.named(ctx.mul(q, ofQ), 'q_s'), 'q_s_trans');
  const ofOld = s.named(ctx.mulMat(old, asked), 'qkv_none_diag');
  const queries = tokensFirst(q, 'q_trans');
  const scores = s.named(ctx.mulMat(tokensFirst(k, 'k_trans'), queries), 'qk');
  const faded = s.named(ctx.mul(scores, ofPairs), 'qk_s');
  const values = s.named(ctx.cont(ctx.permute(v, [1, 2, 0, 3])), 'v_trans');
  const ofBatch = s.named(ctx.mulMat(values, faded), 'qkv_diag');
  const output = s.expand(s.named(ctx.add(ofOld, ofBatch), 'qkv'));
  const all = s.named(ctx.exp(s.named(ctx.scale(rate, -q.ne[2]), 'slopes_neg')), 'block_decay');
  const perHead = s.named(ctx.reshape(all, [1, 1, s.heads.headCount]), 'block_decay_3d');
  const kept = s.named(ctx.mul(old, perHead), 'kv_old_s');
  const keys = s.named(ctx.mul(k, ofK), 'k_after_decay');
  const keysLast = s.named(ctx.cont(ctx.permute(keys, [1, 2, 0, 3])), 'k_after_decay_trans');
  const fresh = s.named(ctx.mulMat(keysLast, values), 'kv_cur');
  return { output, state: s.named(ctx.add(kept, fresh), 'kv_new') };
}

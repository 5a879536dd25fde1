/**
 * Small models with latent attention that cache the keys and values of all heads.
 */
import { PlannerError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { attendDecompressed, type LatentOptions, type LatentHyperparameters } from '../blocks/latent-attention.js';
import { feedForward } from '../blocks/feed-forward.js';
import { keepWanted } from '../blocks/inputs.js';
import { norm } from '../blocks/norm.js';
import { decoder } from '../decoder/decoder.js';
import type { Block, BlockMaker, DecoderInputs } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { ModelBuilder } from '../model-builder.js';

const HEADS: LatentOptions = {
  hasSplitHeads: true,
  labels: {
    lowQ: 'q',
    lowQNormed: 'q',
    q: 'q',
    directQ: 'q',
    both: 'kv_pe_compresseed',
    compressed: 'kv_compressed',
    turnedK: 'k_pe',
    plainK: 'k_nope',
    valueView: 'v_states',
    valueCopy: 'v_states',
    query: 'q_states',
    key: 'k_states',
  },
};

/** PLM: queries are not compressed, values are stored as one row, and the network has no gate. */
export const plm = decoder<LatentHyperparameters>({
  headRules: null,
  attention: (m, inputs) => {
    if (m.run.flashAttention) throw flashRefused();
    return latentHeads({ ...HEADS, hasFlatValues: true })(m, inputs);
  },
  feedForward: { activation: 'relu-squared', gate: 'none' },
  output: { weights: 'none' },
  adjust: readLatent,
});

const EMBEDDING_SCALE = 12;
const DEPTH_SCALE = 1.4;
/** The width that the scale of the scores is relative to. */
const BASE_WIDTH = 256;

/** MiniCPM 3: embeddings, what layers add, and the last rows are scaled. */
export const minicpm3 = decoder<LatentHyperparameters>({
  rope: { mode: 'neox' },
  headRules: null,
  adjust: (hp, reader) => ({ ...readLatent(hp, reader), queryRank: reader.positive('attention.q_lora_rank') }),
  begin: (m, x) => m.top.named(m.ctx.scale(x, EMBEDDING_SCALE), 'inp_scaled'),
  layer: scaledLayer,
  output: {
    prepare: ({ ctx, hp, top }, x) => top.named(ctx.scale(x, BASE_WIDTH / hp.embeddingLength), 'lmhead_scaling'),
  },
});

function readLatent(hp: Hyperparameters, reader: MetadataReader): LatentHyperparameters {
  const [{ keyLength, valueLength, ropeLength, headCount, kvHeadCount }] = hp.attention.layers;
  if (keyLength < ropeLength) reader.refuse('rope.dimension_count', `at most ${keyLength}, the length of a key`);
  if (kvHeadCount !== headCount) reader.refuse('attention.head_count_kv', `${headCount}, the number of all heads`);
  return {
    ...hp,
    fullKeyLength: keyLength,
    fullValueLength: valueLength,
    queryRank: 0,
    kvRank: reader.positive('attention.kv_lora_rank'),
    attentionScale: 1 / Math.sqrt(keyLength),
  };
}

/** The error for values as one row: llama.cpp stores them only transposed. */
function flashRefused(): PlannerError {
  return new PlannerError('BAD_ARGUMENT', {
    message: '`flashAttention` is on, but llama.cpp runs models of this architecture only without it.',
    culprit: 'flashAttention',
    value: 'on',
    limit: 'off in this architecture',
    remedy: 'Give `flashAttention` off.',
  });
}

function latentHeads(options: LatentOptions): BlockMaker<LatentHyperparameters> {
  return (_, inputs) => (s, x) => attendDecompressed(s, inputs.attention, inputs, x, options);
}

/** A layer with names for what it scales. */
function scaledLayer(m: ModelBuilder<LatentHyperparameters>, inputs: DecoderInputs): Block<LatentHyperparameters> {
  const attend = latentHeads({ ...HEADS, factors: 'long' })(m, inputs);
  const factor = DEPTH_SCALE / Math.sqrt(m.hp.layerCount);
  return (s, x) => {
    const { ctx } = s;
    const scaled = (part: Tensor, label: string): Tensor => s.named(ctx.scale(part, factor), label);
    const attended = attend(s, s.named(norm(s, 'attn_norm', x), 'attn_norm'));
    const [kept, residual] = keepWanted(s, inputs.wanted, attended, x);
    const middle = s.named(ctx.add(scaled(kept, 'hidden_scaled'), residual), 'ffn_inp');
    const ready = s.named(norm(s, 'ffn_norm', middle), 'ffn_norm');
    const fed = s.named(feedForward(s, ready, s.feedForwardLength), 'ffn_out');
    return s.named(ctx.add(scaled(fed, 'hidden_scaled_ffn'), middle), 'l_out');
  };
}

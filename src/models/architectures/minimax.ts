/**
 * The MiniMax family.
 */
import { PlannerError } from '../../errors.js';
import { accessTo, attend, projectHeads, projectOutput, type Heads } from '../blocks/attention.js';
import {
  askForBlockIndexer,
  blockInputs,
  indexHeads,
  type BlockSparseHyperparameters,
} from '../blocks/block-inputs.js';
import { attendBlocks } from '../blocks/block-sparse-attention.js';
import { norm } from '../blocks/norm.js';
import { turn } from '../blocks/rope.js';
import { decoder } from '../decoder/decoder.js';
import type { Block, DecoderInputs } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import type { Tensor } from '../../tensor/tensor.js';

/** MiniMax-M2: all heads of queries, and of keys, normalised as one row; experts as wide as a dense network. */
export const minimaxM2 = decoder({
  rope: { mode: 'neox' },
  attention: { matrices: 'separate', bias: 'unread', headNorms: { span: 'all' } },
  experts: {
    isRequired: true,
    gating: { ifUnsaid: null },
    isNormalised: true,
    selectionBias: 'required',
  },
  output: { weights: 'required' },
  adjust: (hp, reader) => {
    reader.integer('expert_feed_forward_length');
    return hp;
  },
});

/** MiniMax-M3: after the leading dense layers, each group of heads sees only the blocks that an indexer chooses. */
export const minimaxM3 = decoder<BlockSparseHyperparameters>({
  rope: { mode: 'neox' },
  attention: sparseAttention,
  feedForward: { activation: 'swiglu-oai' },
  experts: {
    layers: 'after-leading',
    length: 'own',
    gating: { ifUnsaid: null },
    isNormalised: 'read',
    readsScale: true,
    selectionBias: 'required',
    activation: 'swiglu-oai',
    shared: { length: 'counted' },
  },
  output: { weights: 'required' },
  graphRoom: { perToken: 40, perWeight: 32 },
  adjust: readBlocks,
});

function readBlocks(hp: Hyperparameters, reader: MetadataReader): BlockSparseHyperparameters {
  const leading = reader.integer('leading_dense_block_count', 0);
  reader.integer('attention.indexer.local_blocks');
  return {
    ...hp,
    blockLength: reader.positive('attention.indexer.block_size'),
    indexer: {
      headCount: reader.positive('attention.indexer.head_count'),
      keyLength: reader.positive('attention.indexer.key_length'),
      chosen: reader.integer('attention.indexer.top_k'),
      layers: hp.attention.layers.map((_, layer) => layer >= leading),
    },
  };
}

/** Blocks need flash attention, and a stream for each sequence; without them all layers see all tokens. */
function sparseAttention(
  m: ModelBuilder<BlockSparseHyperparameters>,
  { positions }: DecoderInputs,
): Block<BlockSparseHyperparameters> {
  const { run, memory } = m;
  const access = accessTo(m, memory.kv!.full);
  const isSparse = run.flashAttention && (run.sequences === 1 || !run.isUnified);
  const inputs = isSparse ? blockInputs(m, access.mask) : null;
  if (isSparse) requireGroups(m.hp);
  return (s, x) => {
    const heads = preparedHeads(s, x, positions);
    const isIndexed = s.hp.indexer!.layers[s.index];
    if (isIndexed && inputs !== null) {
      return projectOutput(s, attendBlocks(s, access, inputs, heads, indexHeads(s, inputs, x, positions)), {
        scale: 1,
      });
    }
    if (isIndexed) askForBlockIndexer(s);
    return attend(s, { full: access, window: null }, heads, { scale: 1 / Math.sqrt(s.heads.keyLength) });
  };
}

function preparedHeads(s: Layer, x: Tensor, positions: Tensor): Heads {
  const { q, k, v } = projectHeads(s, x);
  const normed = (part: 'q' | 'k', t: Tensor): Tensor =>
    s.named(norm(s, `attn_${part}_norm`, t), `${part.toUpperCase()}cur_normed`);
  const [evenQ, evenK] = [normed('q', q), normed('k', k)];
  return { q: s.named(turn(s, evenQ, positions), 'Qcur'), k: s.named(turn(s, evenK, positions), 'Kcur'), v };
}

function requireGroups({ indexer, attention: { layers } }: BlockSparseHyperparameters): void {
  const { headCount } = indexer!;
  const [{ kvHeadCount }] = layers;
  if (headCount === kvHeadCount) return;
  throw new PlannerError('BAD_MODEL', {
    message: `\`attention.indexer.head_count\` is ${headCount}, but must be ${kvHeadCount}, one for each head of keys.`,
    culprit: 'attention.indexer.head_count',
    value: headCount,
    limit: `${kvHeadCount}, the number of heads of keys`,
    remedy: 'Convert the model again with a current converter.',
  });
}

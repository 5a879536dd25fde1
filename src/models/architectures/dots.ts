/**
 * dots3-note: latent attention of two kinds, over the tokens that an indexer chooses and over a sliding window, each with
 * heads of its own lengths; a gate per head.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { projectOutput } from '../blocks/attention.js';
import { gatedAttention, type GateRecipe } from '../blocks/attention-gate.js';
import { chooseTokens, indexerAccess, onlyChosen } from '../blocks/indexer.js';
import {
  attendRows,
  compressedHeads,
  compressedQueries,
  rowAccess,
  type LatentLengths,
  type SparseLatentHyperparameters,
} from '../blocks/sparse-latent-attention.js';
import { decoder } from '../decoder/decoder.js';
import type { Block, DecoderInputs } from '../decoder/recipe.js';
import { withAttention, withHeads, withListedHeadCounts, type Hyperparameters } from '../hyperparameters.js';
import { readIndexer } from '../indexers.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { ModelBuilder } from '../model-builder.js';
import { KEY_NORM, SCALED_EXPERTS } from './sparse.js';

interface NoteHyperparameters extends SparseLatentHyperparameters {
  /** The lengths in layers with a window. */
  readonly windowed: LatentLengths;
}

export const dots3note = decoder<NoteHyperparameters>({
  headRules: null,
  window: { period: 'list', freqBase: 'same' },
  attention: noteAttention,
  feedForward: { isScaled: true },
  experts: { ...SCALED_EXPERTS, selectionBias: 'required' },
  output: { product: 'plain' },
  predicts: 'uncached',
  predictTensors: 'unchecked',
  adjust: readNote,
});

function readNote(plain: Hyperparameters, reader: MetadataReader): NoteHyperparameters {
  reader.number('rope.freq_base_swa');
  reader.integer('leading_dense_block_count');
  const [{ ropeLength }] = plain.attention.layers;
  const own = withHeads(withListedHeadCounts(reader, plain), () => ({ ropeLength }));
  const hp = withAttention(own, { isLatent: true });
  const lengths = readLengths(reader, ropeLength, '');
  const windowed = readLengths(reader, ropeLength, '_swa');
  const key = 'attention.indexer.types';
  const types = reader.integers(key) ?? reader.refuse(key, 'a list of the layers with an indexer');
  const layers = hp.attention.layers.map((_, layer) => layer < hp.layerCount && (types[layer] ?? 0) !== 0);
  for (const [layer, { isWindowed, keyLength, kvHeadCount }] of hp.attention.layers.slice(0, hp.layerCount).entries()) {
    if (kvHeadCount !== 1) reader.refuse('attention.head_count_kv', '1 in every layer');
    const row = (isWindowed ? windowed : lengths).kvRank + ropeLength;
    if (keyLength !== row) {
      reader.refuse(`attention.key_length${isWindowed ? '_swa' : ''}`, `${row}, the length of a cached row`);
    }
    if (!isWindowed && !layers[layer])
      reader.refuse(key, 'a list in which every layer without a window has an indexer');
  }
  const queryRank = reader.positive('attention.q_lora_rank');
  return { ...hp, ...lengths, windowed, queryRank, indexer: readIndexer(reader, ropeLength, layers) };
}

function readLengths(reader: MetadataReader, ropeLength: number, suffix: '' | '_swa'): LatentLengths {
  const fullKeyLength = reader.positive(`attention.key_length_mla${suffix}`);
  if (fullKeyLength <= ropeLength) {
    reader.refuse(`attention.key_length_mla${suffix}`, `more than ${ropeLength}, the elements that turn`);
  }
  return {
    fullKeyLength,
    fullValueLength: reader.positive(`attention.value_length_mla${suffix}`),
    kvRank: reader.positive(`attention.kv_lora_rank${suffix}`),
    attentionScale: 1 / Math.sqrt(fullKeyLength),
  };
}

const GATE: GateRecipe = { activation: 'sigmoid', span: 'head', labels: { gatedHeads: 'attn_gated', gated: null } };

function noteAttention(m: ModelBuilder<NoteHyperparameters>, { positions }: DecoderInputs): Block<NoteHyperparameters> {
  const full = rowAccess(m, m.memory.kv!.full);
  const indexer = indexerAccess(m);
  const window = rowAccess(m, m.memory.kv!.window!);
  return (s, x) => {
    const queries = compressedQueries(s, x);
    const inputs = { positions, x, queries, isKeyNormed: true };
    const { isWindowed } = s.heads;
    const lengths = isWindowed ? s.hp.windowed : s.hp;
    const access = isWindowed ? window : full;
    const chosen = isWindowed ? null : chooseTokens(s, indexer, inputs, { mode: 'neox', keyNorm: KEY_NORM });
    const heads = compressedHeads(s, lengths, inputs);
    const maskOf = (): Tensor => (chosen === null ? access.mask : onlyChosen(s, access.mask, chosen, 'f32'));
    const attended = gatedAttention(s, x, attendRows(s, lengths, access, heads, maskOf), GATE);
    return s.named(projectOutput(s, attended), 'attn_output');
  };
}

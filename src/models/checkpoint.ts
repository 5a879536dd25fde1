/**
 * The bytes of a checkpoint: what a server copies of a sequence's memory where the memory itself cannot go back to an
 * earlier token.
 *
 * Invariant: the sum is that of `state_seq_write_data` in llama.cpp for a sequence that has filled its window.
 */
import { rowSize } from '../tensor/layout.js';
import { checkBytes } from '../units.js';
import type { Hyperparameters } from './hyperparameters.js';
import type { CompressedCache, CompressedCaches, CompressorState } from './memory/compressed-cache.js';
import type { KvCache } from './memory/kv-cache.js';
import type { ModelMemory } from './memory/model-memory.js';
import type { ResolvedModelOptions } from './options.js';
import type { StateCache } from './memory/state-cache.js';

/** A number of 32 bits. */
const WORD = 4;
/** What every state begins with: a number that marks it, and the sequence. */
const MARK = 2 * WORD;
/** Type and length of the rows of a tensor. */
const ROW_HEAD = WORD + 8;
/** Type, size of an element and length of the rows of transposed values. */
const TRANSPOSED_HEAD = 3 * WORD;
/** How the rows lie, and of how many layers they are. */
const DATA_HEAD = 2 * WORD;

/** What marks the format of compressed memory: a number, a version and what follows. */
const FORMAT_HEAD = 3 * WORD;
/** Version, ratio, tokens, their length, sequences and layers. */
const COMPRESSOR_HEAD = 6 * WORD;
/** Type, elements, rows and bytes of a row. */
const COMPRESSED_HEAD = WORD + 3 * 8;

/** Bytes of one checkpoint; 0 where a model needs none, as it remembers every token. */
export function checkpointBytes(
  { attention: { window } }: Hyperparameters,
  { kv, compressed, state }: ModelMemory,
  run: ResolvedModelOptions,
): number {
  const windowed = kv?.window && window !== null ? windowBytes(kv.window, window) : 0;
  if (state !== null) return checkBytes(MARK + windowed + stateBytes(state), 'checkpoint');
  if (windowed === 0 || run.hasFullWindow) return 0;
  const kept = compressed === null ? 0 : compressedBytes(compressed);
  return checkBytes(MARK + windowed + kept, 'checkpoint');
}

/** The groups of one sequence that are not complete; of the compressed rows, none. */
function compressedBytes(caches: CompressedCaches): number {
  const groups = Object.values<CompressedCache>({ ...caches });
  return groups.reduce((sum, { state }) => sum + COMPRESSOR_HEAD + groupBytes(state), FORMAT_HEAD);
}

/** Each layer has its number ahead of its two tensors. */
function groupBytes({ tensors }: CompressorState): number {
  return tensors.reduce((sum, { tensor: { type, ne } }) => {
    return sum + WORD / 2 + COMPRESSED_HEAD + ne[1] * rowSize(type, ne[0]);
  }, 0);
}

/** The row of one sequence in each tensor, with its position and no list of sequences. */
function stateBytes({ tensors }: StateCache): number {
  const rows = tensors.reduce((sum, { tensor }) => sum + ROW_HEAD + rowSize(tensor.type, tensor.ne[0]), 0);
  return WORD + 2 * WORD + DATA_HEAD + rows;
}

/** The cells of a window, each with its position and its one sequence; a count for each stream. */
function windowBytes({ tensors, cells, streams, isTransposed }: KvCache, window: number): number {
  const kept = Math.min(cells, window);
  const rows = tensors.reduce((sum, { tensor }) => {
    const head = isTransposed && tensor.name.startsWith('cache_v') ? TRANSPOSED_HEAD : ROW_HEAD;
    return sum + head + kept * rowSize(tensor.type, tensor.ne[0]);
  }, 0);
  return WORD + streams * WORD + kept * 3 * WORD + DATA_HEAD + rows;
}

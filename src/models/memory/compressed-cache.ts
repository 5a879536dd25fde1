/**
 * The caches of attention that compresses the past: beside the cache of the window, compressed keys, keys of an indexer,
 * and what is collected until a row is complete.
 *
 * Invariant: shapes and names are those of llama.cpp's `llama_kv_cache_dsv4`, which keeps the sequences apart even where
 * a unified cache is asked for.
 */
import { Context } from '../../dialects/ggml/context.js';
import type { Tensor } from '../../tensor/tensor.js';
import { alignUp } from '../../units.js';
import { OVERLAPPING_RATIO, WHOLE_RATIO } from '../compression.js';
import { withAttention, withHeads, type Hyperparameters } from '../hyperparameters.js';
import type { ResolvedModelOptions } from '../options.js';
import { KvCache } from './kv-cache.js';
import type { LayerTensor } from './layer-tensor.js';

/** The rows of a compressed cache are a multiple of this. */
const ROW_STEP = 256;

/** What a compressor keeps of the tokens whose row is not complete. */
export class CompressorState {
  readonly tensors: LayerTensor[] = [];
  /** Tokens that are kept, of all sequences. */
  readonly rows: number;
  /** As many, of one sequence. */
  readonly rowsOfSequence: number;
  /** Further copies of all rows, by which a sequence goes back some tokens. */
  readonly snapshots: number;
  readonly #layers = new Map<number, Readonly<Record<StatePart, Tensor>>>();

  /** @param length elements of a token */
  constructor(name: string, layers: readonly number[], length: number, tokens: number, run: ResolvedModelOptions) {
    const { sequences, snapshots } = run;
    this.rows = tokens * sequences;
    this.rowsOfSequence = tokens;
    this.snapshots = snapshots;
    const planes = sequences * (1 + snapshots);
    const memory = Context.virtual();
    for (const layer of layers) {
      const make = (part: StatePart): Tensor => {
        const tensor = memory.newTensor('f32', [length, tokens, planes], `dsv4_${name}_state_${part}_l${layer}`);
        this.tensors.push({ layer, tensor });
        return tensor;
      };
      this.#layers.set(layer, { kv: make('kv'), score: make('score') });
    }
  }

  /** All tokens as one list of rows, those of the snapshots last. */
  all(ctx: Context, part: StatePart, layer: number): Tensor {
    const state = this.#layers.get(layer)![part];
    return ctx.view(state, [state.ne[0], this.rows * (1 + this.snapshots)], [state.nb[1]]);
  }
}

/** Values and their scores. */
export type StatePart = 'kv' | 'score';

/** One kind of compressed rows. */
export interface CompressedCache {
  readonly keys: KvCache;
  readonly state: CompressorState;
}

export interface CompressedCaches {
  /** Rows of few tokens each. */
  readonly overlapping: CompressedCache;
  /** Rows of many tokens each. */
  readonly whole: CompressedCache;
  /** Keys by which an indexer chooses among the overlapping rows. */
  readonly indexer: CompressedCache;
}

/** The caches; null if the model does not compress. */
export function createCompressedCaches(hp: Hyperparameters, run: ResolvedModelOptions): CompressedCaches | null {
  if (hp.compression === null) return null;
  const { ratios } = hp.compression;
  const apart = withSequencesApart(run);
  const [{ keyLength }] = hp.attention.layers;
  const indexLength = hp.indexer!.keyLength;
  const make = (name: string, ratio: number, length: number, isOverlapping: boolean): CompressedCache => {
    const layers = ratios.flatMap((own, layer) => (own === ratio ? [layer] : []));
    const cells = alignUp(Math.max(1, Math.ceil(run.sequenceContext / ratio)), ROW_STEP);
    const keys = withHeads(withRowsOnly(hp), (_, layer) => ({ keyLength: length, cacheLayer: layer }));
    const stateLayers = layers.filter((layer) => layer < hp.layerCount);
    const factor = isOverlapping ? 2 : 1;
    return {
      keys: new KvCache(keys, apart, layers, cells),
      state: new CompressorState(name, stateLayers, factor * length, factor * ratio, run),
    };
  };
  return {
    overlapping: make('csa', OVERLAPPING_RATIO, keyLength, true),
    whole: make('hca', WHOLE_RATIO, keyLength, false),
    indexer: make('lid', OVERLAPPING_RATIO, indexLength, true),
  };
}

/** Keys that are their own values. */
export function withRowsOnly(hp: Hyperparameters): Hyperparameters {
  return withAttention(hp, { isLatent: true });
}

export function withSequencesApart(run: ResolvedModelOptions): ResolvedModelOptions {
  return { ...run, isUnified: false };
}

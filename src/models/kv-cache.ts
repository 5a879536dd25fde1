/**
 * The cache of keys and values, one pair of tensors per layer.
 *
 * Invariant: shapes, names and views are those of llama.cpp's `llama_kv_cache`. With flash attention values lie like
 * keys; without it they lie transposed, so that attention multiplies whole rows:
 *
 *     keys, values with flash attention         values without it
 *     cell 0: head 0 | head 1 | …               element 0 of head 0: cell 0, cell 1, …
 *     cell 1: head 0 | head 1 | …               element 1 of head 0: cell 0, cell 1, …
 */
import { Context } from '../dialects/ggml/context.js';
import { elementCount, rowSize } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';
import { alignUp } from '../units.js';
import { isWindowed, type Hyperparameters } from './hyperparameters.js';
import type { LayerTensor } from './layer-tensor.js';
import type { Batch, ResolvedModelOptions } from './options.js';

/** The cells of a windowed cache are a multiple of this. */
const WINDOW_STEP = 256;

/** llama.cpp counts cells in 32 bits; a window that exceeds them wraps around. */
const UINT32_RANGE = 2 ** 32;

/** Rows of rotated keys and values are multiplied by square matrices of at least this length. */
const ROTATION_LENGTH = 64;

export class KvCache {
  readonly tensors: LayerTensor[] = [];
  readonly cells: number;
  /** Parts of the cache: one per sequence, or one for all. */
  readonly streams: number;
  /** Whether values lie transposed. */
  readonly isTransposed: boolean;
  readonly #hp: Hyperparameters;
  readonly #run: ResolvedModelOptions;
  readonly #layers: readonly number[];
  readonly #keys = new Map<number, Tensor>();
  readonly #values = new Map<number, Tensor>();

  /** @param layers the layers whose keys and values this cache holds */
  constructor(hp: Hyperparameters, run: ResolvedModelOptions, layers: readonly number[], cells: number) {
    this.#hp = hp;
    this.#run = run;
    this.#layers = layers;
    this.cells = cells;
    this.streams = run.isUnified ? 1 : run.sequences;
    this.isTransposed = run.hasTransposedValues;
    const memory = Context.virtual();
    for (const layer of layers) {
      const add = (name: string, type: ResolvedModelOptions['keyType'], length: number): Tensor => {
        const tensor = memory.newTensor(type.name, [length, cells, this.streams], name);
        this.tensors.push({ layer, tensor });
        return tensor;
      };
      this.#keys.set(layer, add(`cache_k_l${layer}`, run.keyType, hp.keyLength * hp.kvHeadCount));
      if (hp.isLatent) continue;
      this.#values.set(layer, add(`cache_v_l${layer}`, run.valueType, hp.valueLength * hp.kvHeadCount));
    }
  }

  /** The keys of a layer as `[head, heads, cells, streams]`. */
  keys(ctx: Context, layer: number): Tensor {
    const keys = this.#keys.get(layer)!;
    const { keyLength, kvHeadCount } = this.#hp;
    const row = rowSize(keys.type, keys.ne[0]);
    const ne = [keyLength, kvHeadCount, this.cells, this.streams];
    return ctx.view(keys, ne, [rowSize(keys.type, keyLength), row, row * this.cells]);
  }

  /** The values of a layer as `[head, heads, cells, streams]`, or transposed as `[cells, heads, head, streams]`. */
  values(ctx: Context, layer: number): Tensor {
    const values = this.#values.get(layer)!;
    const { valueLength, kvHeadCount } = this.#hp;
    const { cells, streams } = this;
    if (this.isTransposed) {
      const row = rowSize(values.type, cells);
      const nb = [rowSize(values.type, cells * valueLength), row, rowSize(values.type, cells * values.ne[0])];
      return ctx.view(values, [cells, kvHeadCount, valueLength, streams], nb);
    }
    const row = rowSize(values.type, values.ne[0]);
    return ctx.view(
      values,
      [valueLength, kvHeadCount, cells, streams],
      [rowSize(values.type, valueLength), row, row * cells],
    );
  }

  /** Writes the keys `[head, heads, tokens]` of a batch into the cells that `ids` names. */
  storeKeys(ctx: Context, keys: Tensor, ids: Tensor, layer: number): Tensor {
    return ctx.setRows(this.#asRows(ctx, this.#keys.get(layer)!), headsMerged(ctx, keys), ids);
  }

  /** Writes the values `[head, heads, tokens]` of a batch; `ids` names cells, or single elements if transposed. */
  storeValues(ctx: Context, values: Tensor, ids: Tensor, layer: number): Tensor {
    const cache = this.#values.get(layer)!;
    if (!this.isTransposed) return ctx.setRows(this.#asRows(ctx, cache), headsMerged(ctx, values), ids);
    const ne = [values.ne[0] * values.ne[1], values.ne[2]];
    const isDense = rowSize(values.type, ne[0]) === values.nb[2];
    const dense = isDense ? ctx.reshape(values, ne) : ctx.cont(values, ne);
    const elements = ctx.reshape(cache, [1, elementCount(cache)]);
    return ctx.setRows(elements, ctx.reshape(dense, [1, elementCount(dense)]), ids);
  }

  /** How many ids it takes to store the values of a batch. */
  valueIdCount({ tokens }: Batch): number {
    return this.isTransposed ? tokens * this.#hp.valueLength * this.#hp.kvHeadCount : tokens;
  }

  /** Length of the matrix that keys and queries are turned by before quantised storage; null if they are not turned. */
  keyRotation(): number | null {
    const { keyLength } = this.#hp;
    if (!this.#run.keyType.isQuantized || this.#layers.length === 0 || keyLength % ROTATION_LENGTH !== 0) return null;
    let length = ROTATION_LENGTH;
    while (keyLength % (length * 2) === 0) length *= 2;
    return length;
  }

  /** As {@link keyRotation}, for values. */
  valueRotation(): number | null {
    const { valueLength, isLatent } = this.#hp;
    const isRotated = this.#run.valueType.isQuantized && !isLatent && this.#layers.length > 0;
    return isRotated && valueLength % ROTATION_LENGTH === 0 ? ROTATION_LENGTH : null;
  }

  /** All streams as one list of rows: ids count through all of them. */
  #asRows(ctx: Context, cache: Tensor): Tensor {
    return this.streams === 1 ? cache : ctx.reshape(cache, [cache.ne[0], this.cells * this.streams]);
  }
}

/** The caches of a model: of full length, and for layers with a sliding window. */
export interface KvCaches {
  readonly full: KvCache;
  readonly window: KvCache | null;
}

/** Sizes and layers as in llama.cpp's `create_memory` and `llama_kv_cache_iswa`. */
export function createKvCaches(hp: Hyperparameters, run: ResolvedModelOptions): KvCaches {
  const layers = Array.from({ length: hp.layerCount + hp.predictLayerCount }, (_, layer) => layer);
  const { slidingWindow } = hp;
  if (slidingWindow === null) return { full: new KvCache(hp, run, layers, run.sequenceContext), window: null };
  const needed = (slidingWindow.tokens * (run.isUnified ? run.sequences : 1) + run.ubatchSize) % UINT32_RANGE;
  const shortened = alignUp(Math.min(run.sequenceContext, needed), WINDOW_STEP);
  const windowCells = run.hasFullWindow ? run.sequenceContext : shortened;
  return {
    full: new KvCache(
      hp,
      run,
      layers.filter((layer) => !isWindowed(hp, layer)),
      run.sequenceContext,
    ),
    window: new KvCache(
      hp,
      run,
      layers.filter((layer) => isWindowed(hp, layer)),
      windowCells,
    ),
  };
}

/** `[head, heads, tokens]` as `[head × heads, tokens]`. */
function headsMerged(ctx: Context, t: Tensor): Tensor {
  return ctx.view(t, [t.ne[0] * t.ne[1], t.ne[2]], [t.nb[2]]);
}

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
import { Context } from '../../dialects/ggml/context.js';
import { elementCount, rowSize } from '../../tensor/layout.js';
import type { ElementType } from '../../tensor/element-type.js';
import type { Tensor } from '../../tensor/tensor.js';
import { alignUp } from '../../units.js';
import type { Hyperparameters, LayerHeads } from '../hyperparameters.js';
import type { LayerTensor } from './layer-tensor.js';
import type { Batch, ResolvedModelOptions } from '../options.js';

/** The cells of a windowed cache are a multiple of this. */
const WINDOW_STEP = 256;

/** llama.cpp counts cells in 32 bits; a window that exceeds them wraps around. */
const UINT32_RANGE = 2 ** 32;

/** Rows of rotated keys and values are multiplied by square matrices of at least this length. */
const ROTATION_LENGTH = 64;

export class KvCache {
  readonly tensors: LayerTensor[] = [];
  /** Parts of the cache: one per sequence, or one for all. */
  readonly streams: number;
  /** Whether values lie transposed. */
  readonly isTransposed: boolean;
  readonly #heads: readonly LayerHeads[];
  readonly #run: ResolvedModelOptions;
  /** Elements of a token's values in the widest layer of the model. */
  readonly #widestValues: number;
  readonly #keys = new Map<number, Tensor>();
  readonly #values = new Map<number, Tensor>();

  /** @param layers the layers whose keys and values this cache holds */
  constructor(
    { attention }: Hyperparameters,
    run: ResolvedModelOptions,
    layers: readonly number[],
    readonly cells: number,
  ) {
    this.#heads = attention.layers;
    this.#run = run;
    this.#widestValues = Math.max(...attention.layers.map(({ valueLength, kvHeadCount }) => valueLength * kvHeadCount));
    this.streams = run.isUnified ? 1 : run.sequences;
    this.isTransposed = run.hasTransposedValues;
    const memory = Context.virtual();
    for (const layer of layers) {
      // A layer without heads for keys has keys and values of no elements; only transposed values have padding.
      const add = (map: Map<number, Tensor>, name: string, type: ElementType, length: number): void => {
        if (length === 0) return;
        const tensor = memory.newTensor(type.name, [length, cells, this.streams], name);
        this.tensors.push({ layer, tensor });
        map.set(layer, tensor);
      };
      const { keyLength, valueLength, kvHeadCount } = this.#heads[layer];
      add(this.#keys, `cache_k_l${layer}`, run.keyType, keyLength * kvHeadCount);
      if (attention.isLatent) continue;
      const valuesLength = this.isTransposed ? this.#widestValues : valueLength * kvHeadCount;
      add(this.#values, `cache_v_l${layer}`, run.valueType, valuesLength);
    }
  }

  /** The keys of a layer as `[head, heads, cells, streams]`. */
  keys(ctx: Context, layer: number): Tensor {
    const keys = this.#keys.get(this.#heads[layer].cacheLayer!)!;
    const { keyLength, kvHeadCount } = this.#heads[layer];
    const row = rowSize(keys.type, keys.ne[0]);
    const ne = [keyLength, kvHeadCount, this.cells, this.streams];
    return ctx.view(keys, ne, [rowSize(keys.type, keyLength), row, row * this.cells]);
  }

  /** The values of a layer as `[head, heads, cells, streams]`, or transposed as `[cells, heads, head, streams]`. */
  values(ctx: Context, layer: number): Tensor {
    const values = this.#values.get(this.#heads[layer].cacheLayer!)!;
    const { valueLength, kvHeadCount } = this.#heads[layer];
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
    const wide = ne[0] < cache.ne[0] ? ctx.pad(dense, [cache.ne[0] - ne[0], 0, 0, 0]) : dense;
    const elements = ctx.reshape(cache, [1, elementCount(cache)]);
    return ctx.setRows(elements, ctx.reshape(wide, [1, elementCount(wide)]), ids);
  }

  /** How many ids it takes to store the values of a batch. */
  valueIdCount({ tokens }: Batch): number {
    return this.isTransposed ? tokens * this.#widestValues : tokens;
  }

  /** Length of the matrix that keys and queries are turned by before quantised storage; null if they are not turned. */
  keyRotation(): number | null {
    const common = this.#commonLength(this.#keys, 'keyLength');
    return this.#run.keyType.isQuantized && common !== null ? rotationLength(common) : null;
  }

  /** As {@link keyRotation}, for values. */
  valueRotation(): number | null {
    const isRotated = this.#run.valueType.isQuantized && this.#commonLength(this.#values, 'valueLength') !== null;
    return isRotated ? ROTATION_LENGTH : null;
  }

  /** The length of the heads of all cached layers; null if they differ, or the model's first does not fit a rotation. */
  #commonLength(cached: ReadonlyMap<number, Tensor>, part: 'keyLength' | 'valueLength'): number | null {
    const lengths = new Set([...cached.keys()].map((layer) => this.#heads[layer][part]));
    if (lengths.size !== 1 || this.#heads[0][part] % ROTATION_LENGTH !== 0) return null;
    return [...lengths][0];
  }

  /** All streams as one list of rows: ids count through all of them. */
  #asRows(ctx: Context, cache: Tensor): Tensor {
    return this.streams === 1 ? cache : ctx.reshape(cache, [cache.ne[0], this.cells * this.streams]);
  }
}

/** Length of the matrix that keys and queries of this length are turned by, where they are. */
export function rotationLength(keyLength: number): number {
  let length = ROTATION_LENGTH;
  while (keyLength % (length * 2) === 0) length *= 2;
  return length;
}

/** The caches of a model: of full length, and for layers with a sliding window. */
export interface KvCaches {
  readonly full: KvCache;
  readonly window: KvCache | null;
}

/** Sizes and layers as in llama.cpp's `create_memory` and `llama_kv_cache_iswa`. */
export function createKvCaches(hp: Hyperparameters, run: ResolvedModelOptions): KvCaches {
  const { layers, window } = hp.attention;
  const cached = layers.flatMap(({ cacheLayer }, layer) => (cacheLayer === layer ? [layer] : []));
  if (window === null) return { full: new KvCache(hp, run, cached, run.sequenceContext), window: null };
  const needed = (window * (run.isUnified ? run.sequences : 1) + run.ubatchSize) % UINT32_RANGE;
  const shortened = alignUp(Math.min(run.sequenceContext, needed), WINDOW_STEP);
  const windowCells = run.hasFullWindow ? run.sequenceContext : shortened;
  const isWindowed = (layer: number): boolean => layers[layer].isWindowed;
  const full = cached.filter((layer) => !isWindowed(layer));
  return {
    full: new KvCache(hp, run, full, run.sequenceContext),
    window: new KvCache(hp, run, cached.filter(isWindowed), windowCells),
  };
}

/** `[head, heads, tokens]` as `[head × heads, tokens]`. */
function headsMerged(ctx: Context, t: Tensor): Tensor {
  return ctx.view(t, [t.ne[0] * t.ne[1], t.ne[2]], [t.nb[2]]);
}

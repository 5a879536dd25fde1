/**
 * Headers of whole models from a few numbers: tensors and keys as converters write them, without data.
 *
 * Invariant: matrices are in the quantisation that is asked for where their rows allow it, else in F16; all the rest is F32.
 * A mix of quantisations says the type of each matrix instead.
 */
import { readGguf } from '../../../src/gguf/gguf.js';
import type { Gguf } from '../../../src/gguf/types.js';
import { elementType, type ElementTypeName } from '../../../src/tensor/element-type.js';
import { metadataOf, writeGguf, type WrittenTensor } from '../gguf-writer.js';
import type { Mix } from './mixes.js';

/** What all architectures have. */
export interface Numbers {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  /** Default: as many as heads. */
  readonly kvHeads?: number;
  /** Default: the width per head. */
  readonly headLength?: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly context: number;
  /** Whether output weights are those of the embedding. Default: they have their own. */
  readonly isTied?: boolean;
  readonly type?: ElementTypeName | Mix;
}

type Value = string | number | boolean;

/** A tensor of the file; without a type of its own it gets the one that most matrices have. */
export interface RecipeTensor {
  readonly name: string;
  readonly ne: readonly number[];
  readonly type: ElementTypeName | null;
}

/** Collects the keys and tensors of one model. */
export class Recipe {
  readonly kvHeads: number;
  readonly headLength: number;
  readonly #values: Record<string, Value> = {};
  #tensors: RecipeTensor[] = [];

  constructor(
    readonly architecture: string,
    readonly numbers: Numbers,
    epsilon = 'layer_norm_rms_epsilon',
  ) {
    const { layers, width, heads, feedForward, vocabulary, context, isTied = false } = numbers;
    this.kvHeads = numbers.kvHeads ?? heads;
    this.headLength = numbers.headLength ?? width / Math.max(heads, 1);
    this.#values['general.architecture'] = architecture;
    this.#values['tokenizer.ggml.model'] = 'no_vocab';
    this.keys({
      context_length: context,
      embedding_length: width,
      block_count: layers,
      'attention.head_count': heads,
      'attention.head_count_kv': this.kvHeads,
      [`attention.${epsilon}`]: 2 ** -17,
      feed_forward_length: feedForward,
      vocab_size: vocabulary,
    });
    this.matrix('token_embd.weight', [width, vocabulary]).vector('output_norm.weight', [width]);
    if (!isTied) this.matrix('output.weight', [width, vocabulary]);
  }

  /** Keys of the architecture; undefined ones are left out. A number without a fraction becomes an integer. */
  keys(values: Readonly<Record<string, Value | undefined>>): this {
    for (const [key, value] of Object.entries(values)) {
      if (value !== undefined) this.#values[`${this.architecture}.${key}`] = value;
    }
    return this;
  }

  headKeys(): this {
    return this.keys({ 'attention.key_length': this.headLength, 'attention.value_length': this.headLength });
  }

  matrix(name: string, ne: readonly number[], type?: ElementTypeName): this {
    this.#tensors.push({ name, ne, type: type ?? null });
    return this;
  }

  vector(name: string, ne: readonly number[]): this {
    this.#tensors.push({ name, ne, type: 'f32' });
    return this;
  }

  /** Adds one layer after the other. */
  layers(add: (prefix: string, layer: number) => void): this {
    for (let layer = 0; layer < this.numbers.layers; layer++) add(`blk.${layer}.`, layer);
    return this;
  }

  /** Queries, keys and values in three matrices or in one, and the matrix behind them. */
  attention(prefix: string, { isFused = false, bias = false, outputBias = false } = {}): this {
    const { width, heads } = this.numbers;
    const [q, kv] = [this.headLength * heads, this.headLength * this.kvHeads];
    const parts = isFused
      ? [['qkv', q + 2 * kv] as const]
      : ([
          ['q', q],
          ['k', kv],
          ['v', kv],
        ] as const);
    for (const [part, length] of parts) {
      this.matrix(`${prefix}attn_${part}.weight`, [width, length]);
      if (bias) this.vector(`${prefix}attn_${part}.bias`, [length]);
    }
    this.matrix(`${prefix}attn_output.weight`, [q, width]);
    return outputBias ? this.vector(`${prefix}attn_output.bias`, [width]) : this;
  }

  feedForward(prefix: string, length = this.numbers.feedForward, suffix = ''): this {
    const { width } = this.numbers;
    this.matrix(`${prefix}ffn_gate${suffix}.weight`, [width, length]);
    this.matrix(`${prefix}ffn_up${suffix}.weight`, [width, length]);
    return this.matrix(`${prefix}ffn_down${suffix}.weight`, [length, width]);
  }

  experts(prefix: string, count: number, length: number): this {
    const { width } = this.numbers;
    this.matrix(`${prefix}ffn_gate_inp.weight`, [width, count], 'f32');
    this.matrix(`${prefix}ffn_gate_exps.weight`, [width, length, count]);
    this.matrix(`${prefix}ffn_up_exps.weight`, [width, length, count]);
    return this.matrix(`${prefix}ffn_down_exps.weight`, [length, width, count]);
  }

  /** Puts the tensors into another order, such as that of an old file. */
  ordered(order: (tensors: readonly RecipeTensor[]) => RecipeTensor[]): this {
    this.#tensors = order(this.#tensors);
    return this;
  }

  /** The file's bytes, as far as the header goes. */
  bytes(): Uint8Array {
    return writeGguf({ metadata: metadataOf(this.#values), tensors: this.#typed() });
  }

  gguf(): Promise<Gguf> {
    return readGguf(this.bytes());
  }
  /** The tensors with their types. A mix counts the tensors of each kind in the order of the file. */
  #typed(): WrittenTensor[] {
    const { type: wanted = 'q4_K', layers, isTied = false } = this.numbers;
    const counts = new Map<string, number>();
    return this.#tensors.map(({ name, ne, type: fixed }) => {
      const kind = name.replace(/^blk\.\d+\./, '');
      const index = counts.get(kind) ?? 0;
      counts.set(kind, index + 1);
      const usual = typeof wanted === 'string' ? wanted : wanted({ kind, index, rowLength: ne[0], layers, isTied });
      const type = fixed ?? usual;
      return { name, ne, type: ne[0] % elementType(type).blockSize === 0 ? type : 'f16' };
    });
  }
}

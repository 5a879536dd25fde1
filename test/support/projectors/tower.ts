/**
 * Headers of projectors, from the numbers of public models: keys and tensors as llama.cpp's converter writes them.
 */
import { readGguf } from '../../../src/gguf/gguf.js';
import type { Gguf } from '../../../src/gguf/types.js';
import { metadataOf, writeGguf, type WrittenTensor, type WrittenValue } from '../gguf-writer.js';

/** Shapes of tensors by name. */
export type Shapes = Readonly<Record<string, readonly number[]>>;

/** The encoder of a projector. */
export interface Tower {
  readonly modality?: 'vision' | 'audio';
  readonly projector: string;
  /** Elements of a row, heads, layers, and elements between the matrices of a feed-forward network. */
  readonly size: readonly [length: number, heads: number, layers: number, feedForward: number];
  /** Pixels along one side of a patch, and of an image. */
  readonly patch?: number;
  readonly image?: number;
  /** Elements of a row behind the projector. */
  readonly output: number;
  readonly epsilon?: number;
  /**
   * Which tensors a layer has: `s`: matrices of queries, keys and values, `j`: one for all; `g`: a gate; `b`: biases; `n`:
   * biases of norms; `-k`: no bias of keys.
   */
  readonly layer: string;
  /** Further tensors of each layer. */
  readonly inLayer?: Shapes;
  readonly metadata?: Readonly<Record<string, string | number | boolean | readonly number[]>>;
  readonly tensors: Shapes;
}

/** The header as a file. */
export function projectorFile(...towers: readonly Tower[]): Uint8Array {
  const isMixed = towers.length > 1;
  const metadata: Record<string, WrittenValue> = metadataOf({ 'general.architecture': 'clip' });
  const shapes: Record<string, readonly number[]> = {};
  for (const tower of towers) {
    Object.assign(metadata, keysOf(tower, isMixed));
    Object.assign(shapes, layersOf(tower), tower.tensors);
  }
  const tensors = Object.entries(shapes).map(([name, ne]): WrittenTensor => ({ name, type: typeOf(name, ne), ne }));
  return writeGguf({ metadata, tensors });
}

export function projectorOf(...towers: readonly Tower[]): Promise<Gguf> {
  return readGguf(projectorFile(...towers));
}

function typeOf(name: string, ne: readonly number[]): 'f16' | 'f32' {
  return ne.length > 1 &&
    !/position_embd|pos_embd|pos_embed|img_pos|query$|class_embd|conv_dw|attn\.pos_|pos_bias|conv1d.*bias/.test(name)
    ? 'f16'
    : 'f32';
}

function keysOf(tower: Tower, isMixed: boolean): Record<string, WrittenValue> {
  const { modality = 'vision', projector, size, patch = 14, image = 224, output, epsilon = 1e-6 } = tower;
  const [length, heads, layers, feedForward] = size;
  const own = Object.entries({
    embedding_length: length,
    'attention.head_count': heads,
    block_count: layers,
    feed_forward_length: feedForward,
    projection_dim: output,
    ...(modality === 'vision' ? { image_size: image, patch_size: patch } : { num_mel_bins: 128 }),
  }).map(([key, value]) => [`clip.${modality}.${key}`, value] as const);
  const plain = Object.entries(tower.metadata ?? {});
  const lists = plain.filter(([, value]) => Array.isArray(value));
  return {
    ...metadataOf({
      [`clip.has_${modality}_encoder`]: true,
      [isMixed && projector !== 'qwen2.5o' ? `clip.${modality}.projector_type` : 'clip.projector_type']: projector,
      ...Object.fromEntries(own),
      ...(Object.fromEntries(plain.filter(([, value]) => !Array.isArray(value))) as Record<string, number>),
    }),
    [`clip.${modality}.attention.layer_norm_epsilon`]: { type: 'f32', value: epsilon },
    'clip.vision.image_mean': { type: 'array', of: 'f32', values: [0.5, 0.5, 0.5] },
    'clip.vision.image_std': { type: 'array', of: 'f32', values: [0.5, 0.5, 0.5] },
    ...Object.fromEntries(
      lists.map(([key, values]) => [key, { type: 'array', of: 'i32', values: values as number[] } as const]),
    ),
  };
}

function layersOf({ modality = 'vision', size, layer, inLayer = {} }: Tower): Shapes {
  const [length, , layers, feedForward] = size;
  const [has, stack] = [(part: string): boolean => layer.includes(part), modality === 'vision' ? 'v.blk' : 'a.blk'];
  const matrices: Shapes = {
    ...(has('j') ? { attn_qkv: [length, 3 * length] } : {}),
    ...(has('s') ? { attn_q: [length, length], attn_k: [length, length], attn_v: [length, length] } : {}),
    attn_out: [length, length],
    ffn_up: [length, feedForward],
    ...(has('g') ? { ffn_gate: [length, feedForward] } : {}),
    ffn_down: [feedForward, length],
  };
  const parts: Record<string, readonly number[]> = {};
  for (const [name, ne] of Object.entries(matrices)) {
    parts[`${name}.weight`] = ne;
    if (has('b') && !(name === 'attn_k' && has('-k'))) parts[`${name}.bias`] = [ne[1]];
  }
  for (const name of ['ln1', 'ln2']) {
    parts[`${name}.weight`] = [length];
    if (has('n')) parts[`${name}.bias`] = [length];
  }
  const all = Object.entries({ ...parts, ...inLayer });
  return Object.fromEntries(
    Array.from({ length: layers }, (_, index) =>
      all.map(([name, ne]) => [`${stack}.${index}.${name}`, ne] as const),
    ).flat(),
  );
}

/** A matrix and its bias. */
export function linear(part: string, from: number, to: number): Shapes {
  return { [`${part}.weight`]: [from, to], [`${part}.bias`]: [to] };
}

/** The weights and the bias of a norm. */
export function norm(part: string, length: number): Shapes {
  return { [`${part}.weight`]: [length], [`${part}.bias`]: [length] };
}

/** All of them as one. */
export function joined(all: readonly Shapes[]): Shapes {
  return Object.fromEntries(all.flatMap((each) => Object.entries(each)));
}

/** Graph documents of version 1, as llama.cpp's graphs were recorded, in the words of version 2. */
import type { GraphJson, TensorJson } from '../../src/json/write.js';

interface TensorJson1 extends Omit<TensorJson, 'shape' | 'strides' | 'byteLength'> {
  readonly ne: number[];
  readonly nb: number[];
  readonly nbytes: number;
}

export function asVersion2(document: unknown): GraphJson {
  const { tensors, ...rest } = document as Omit<GraphJson, 'tensors'> & { readonly tensors: TensorJson1[] };
  const rows = tensors.map(({ ne: shape, nb: strides, nbytes: byteLength, ...row }) => ({
    ...row,
    shape,
    strides,
    byteLength,
  }));
  return { ...rest, version: 2, dialect: 'ggml', tensors: rows };
}

/**
 * Small headers of every architecture, changed.
 */
import { readGguf } from '../../src/gguf/gguf.js';
import type { Gguf, GgufValue } from '../../src/gguf/types.js';
import { elementType } from '../../src/tensor/element-type.js';
import { sharedPath } from './shared.js';

/**
 * @param keys without the architecture's name, unless they begin with `tokenizer`
 * @param tensors shapes of tensors of f32, in place of others of the same name; undefined takes away
 */
export async function changedHeader(
  name: string,
  keys: Readonly<Record<string, GgufValue>> = {},
  tensors: Readonly<Record<string, readonly number[] | undefined>> = {},
): Promise<Gguf> {
  const gguf = await readGguf(sharedPath('archs', `${name}.gguf`));
  const architecture = String(gguf.metadata['general.architecture']);
  const metadata = { ...gguf.metadata };
  const types = { ...gguf.types };
  for (const [key, value] of Object.entries(keys)) {
    const full = key.startsWith('tokenizer') ? key : `${architecture}.${key}`;
    metadata[full] = value;
    delete types[full];
  }
  const type = elementType('f32');
  const added = Object.entries(tensors).flatMap(([tensor, ne]) => {
    if (ne === undefined) return [];
    const dims = [ne[0], ne[1] ?? 1, ne[2] ?? 1, ne[3] ?? 1] as const;
    return [{ name: tensor, type, ne: dims, bytes: 4 * dims.reduce((product, length) => product * length) }];
  });
  const kept = gguf.tensors.filter((tensor) => !(tensor.name in tensors));
  return { ...gguf, metadata, types, tensors: [...kept, ...added] };
}

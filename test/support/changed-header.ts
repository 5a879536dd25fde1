/**
 * Small headers of every architecture, changed.
 */
import { readGguf } from '../../src/gguf/gguf.js';
import type { Gguf, GgufTensor, GgufValue } from '../../src/gguf/types.js';
import { elementType } from '../../src/tensor/element-type.js';
import { sharedPath } from './shared-data.js';

export interface HeaderChange {
  /** Keys without the architecture's name, unless they begin with `tokenizer`; undefined takes one away. */
  readonly keys?: Readonly<Record<string, GgufValue | undefined>>;
  /** Ending of the keys that are left out. */
  readonly dropKey?: string;
  /** Which tensors are left out. */
  readonly drop?: RegExp;
  /** Tensors to add. */
  readonly add?: readonly GgufTensor[];
  /** Shapes of tensors of f32, in place of others of the same name; undefined takes one away. */
  readonly tensors?: Readonly<Record<string, readonly number[] | undefined>>;
}

/** @param name of the file, without `.gguf` */
export async function changedHeader(name: string, change: HeaderChange = {}): Promise<Gguf> {
  const { keys = {}, dropKey, drop, add = [], tensors = {} } = change;
  const gguf = await readGguf(sharedPath('archs', `${name}.gguf`));
  const architecture = String(gguf.metadata['general.architecture']);
  const kept = Object.entries(gguf.metadata).filter(([key]) => dropKey === undefined || !key.endsWith(dropKey));
  const metadata = Object.fromEntries(kept);
  const types = { ...gguf.types };
  for (const [key, value] of Object.entries(keys)) {
    const full = key.startsWith('tokenizer') ? key : `${architecture}.${key}`;
    if (value === undefined) delete metadata[full];
    else metadata[full] = value;
    delete types[full];
  }
  const shaped = Object.entries(tensors).flatMap(([tensor, ne]) => (ne === undefined ? [] : [floats(tensor, ne)]));
  const left = gguf.tensors.filter((tensor) => drop?.test(tensor.name) !== true && !(tensor.name in tensors));
  return { ...gguf, metadata, types, tensors: [...left, ...shaped, ...add] };
}

function floats(name: string, ne: readonly number[]): GgufTensor {
  const dims = [ne[0], ne[1] ?? 1, ne[2] ?? 1, ne[3] ?? 1] as const;
  return { name, type: elementType('f32'), ne: dims, bytes: 4 * dims.reduce((product, length) => product * length) };
}

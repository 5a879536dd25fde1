/**
 * The headers of small models of every architecture, with changes that no recording has.
 */
import { readGguf } from '../../src/gguf/gguf.js';
import type { Gguf, GgufTensor, GgufValue } from '../../src/gguf/types.js';
import { elementType } from '../../src/tensor/element-type.js';
import { sharedPath } from './shared-data.js';

export interface HeaderChanges {
  /** Keys without the architecture's name; undefined: the file lacks the key. */
  readonly keys?: Readonly<Record<string, GgufValue | undefined>>;
  /** Tensors to add, or to give another shape. */
  readonly add?: Readonly<Record<string, readonly number[]>>;
  /** Tensors to leave out. */
  readonly drop?: RegExp;
}

/** The header of a small model, changed. */
export async function smallHeader(name: string, { keys = {}, add = {}, drop }: HeaderChanges = {}): Promise<Gguf> {
  const gguf = await readGguf(sharedPath('archs', `${name}.gguf`));
  const prefix = String(gguf.metadata['general.architecture']);
  const own = Object.entries(keys).map(([key, value]) => [`${prefix}.${key}`, value] as const);
  const metadata = Object.entries({ ...gguf.metadata, ...Object.fromEntries(own) });
  const types = Object.entries(gguf.types ?? {}).filter(([key]) => !own.some(([changed]) => changed === key));
  const kept = gguf.tensors.filter((tensor) => !(tensor.name in add) && drop?.test(tensor.name) !== true);
  const added = Object.entries(add).map(([tensor, [n0, n1 = 1, n2 = 1]]): GgufTensor => {
    return { name: tensor, type: elementType('f32'), ne: [n0, n1, n2, 1], bytes: 4 * n0 * n1 * n2 };
  });
  return {
    ...gguf,
    metadata: Object.fromEntries(metadata.filter(([, value]) => value !== undefined)) as Gguf['metadata'],
    types: Object.fromEntries(types),
    tensors: [...kept, ...added],
  };
}

/**
 * Small headers of `../shared/archs`, of which keys or kinds of tensors are left out, changed or added.
 */
import { readGguf } from '../../src/gguf/gguf.js';
import type { Gguf, GgufTensor, GgufValue } from '../../src/gguf/types.js';
import { sharedPath } from './shared-data.js';

export interface HeaderEdit {
  /** Keys without the architecture's name. */
  readonly keys?: Readonly<Record<string, GgufValue>>;
  /** Ending of the keys that are left out. */
  readonly dropKey?: string;
  /** Which tensors are left out. */
  readonly drop?: RegExp;
  /** Tensors to add. */
  readonly add?: readonly GgufTensor[];
}

/** @param name of the file, without `.gguf` */
export async function editedHeader(name: string, edit: HeaderEdit): Promise<Gguf> {
  const { keys = {}, dropKey, drop, add = [] } = edit;
  const gguf = await readGguf(sharedPath('archs', `${name}.gguf`));
  const prefix = `${String(gguf.metadata['general.architecture'])}.`;
  const kept = Object.entries(gguf.metadata).filter(([key]) => dropKey === undefined || !key.endsWith(dropKey));
  const own = Object.entries(keys).map(([key, value]) => [prefix + key, value] as const);
  const metadata = Object.fromEntries([...kept, ...own]);
  const tensors = gguf.tensors.filter((tensor) => drop?.test(tensor.name) !== true);
  return { ...gguf, metadata, tensors: [...tensors, ...add] };
}

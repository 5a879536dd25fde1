/**
 * The buffers that the tensors of LoRA adapters go to.
 *
 * Invariant: an adapter is refused where llama.cpp refuses it for the model. Each of its tensors goes to the type of
 * buffer that the weight lies in, as in `llama_adapter_lora_init`.
 */
import type { BufferType } from '../../device/device.js';
import { Context } from '../../dialects/ggml/context.js';
import { named, shown } from '../../errors.js';
import type { GgufTensor } from '../../gguf/types.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { GraphAdapter } from '../adapter.js';
import { badAdapter, type AdapterPair } from './adapters.js';
import type { ResolvedOffloadOptions } from './options.js';
import type { PlacedWeight } from './weight-buffers.js';

/** A tensor of an adapter in a buffer. */
export interface PlacedAdapterTensor {
  readonly tensor: Tensor;
  readonly type: BufferType;
}

/** An adapter whose tensors have their buffers. */
export interface PlacedAdapter {
  /** In the order in which llama.cpp makes them. */
  readonly tensors: readonly PlacedAdapterTensor[];
  /** What the graph reads of it; null with a scale of 0. */
  readonly inGraph: GraphAdapter | null;
}

/** O(tensors of the adapters). @throws PlannerError `BAD_MODEL` if an adapter does not fit the model */
export function placeAdapters(
  { adapters, cpu }: ResolvedOffloadOptions,
  architecture: string,
  weights: readonly PlacedWeight[],
): readonly PlacedAdapter[] {
  if (adapters.length === 0) return [];
  const found = new Map<string, PlacedWeight>();
  for (const weight of weights) {
    const known = found.get(weight.listed.name);
    if (known === undefined || plainName(weight.type) < plainName(known.type)) found.set(weight.listed.name, weight);
  }
  const isTied = !found.has('output.weight');
  return adapters.map((adapter) => {
    const { name, alpha, scale, pairs } = adapter;
    if (adapter.architecture !== architecture) {
      const value = shown(adapter.architecture);
      const message = `${named(name)} has the general.architecture ${value}, but that of the model is ${shown(architecture)}.`;
      throw badAdapter(message, 'general.architecture', value, architecture);
    }
    const tensors: PlacedAdapterTensor[] = [];
    const byWeight = new Map<string, { a: Tensor; b: Tensor; scale: number }>();
    const context = Context.virtual();
    for (const pair of pairs) {
      const weight = found.get(pair.weight);
      checkPair(name, pair, weight?.listed, isTied);
      const type = cpu.extraBufferTypes.includes(weight!.type) ? cpu.bufferType : weight!.type;
      const [a, b] = [pair.a, pair.b].map((listed) => context.newTensor(listed.type.name, listed.ne, listed.name));
      tensors.push({ tensor: a, type }, { tensor: b, type });
      byWeight.set(pair.weight, { a, b, scale: alpha === 0 ? scale : (scale * alpha) / b.ne[0] });
    }
    return { tensors, inGraph: scale === 0 ? null : byWeight };
  });
}

/** llama.cpp goes through weights by the names of their buffer types, those of mapped files included. */
function plainName({ name }: BufferType): string {
  return name.replace(/_Mapped$/, '');
}

/** The table of token embeddings, whose adapter is not transposed. */
const TABLE = 'token_embd.weight';

function checkPair(
  file: string,
  { weight: name, a, b }: AdapterPair,
  weight: GgufTensor | undefined,
  isTied: boolean,
): void {
  if (weight === undefined) {
    const message = `${named(file)} changes ${named(name)}, which the model does not have: it is an adapter for another model.`;
    throw badAdapter(message, name, 'in the adapter', 'a weight of the model');
  }
  if (name === TABLE && isTied) {
    const message = `${named(file)} changes ${named(name)}, which is the matrix of the output, too: llama.cpp aborts at its product.`;
    throw badAdapter(message, name, 'in the adapter', 'no weight that the output shares');
  }
  const [rows, columns] = name === TABLE ? [b.ne[1], a.ne[1]] : [a.ne[0], b.ne[1]];
  const isOfWeight = rows === weight.ne[0] && columns === weight.ne[1];
  if (isOfWeight && (name === TABLE || a.ne[1] === b.ne[0])) return;
  const found = `[${a.ne.join(', ')}] and [${b.ne.join(', ')}]`;
  const shape = `[${weight.ne.join(', ')}]`;
  const message = `${named(file)} changes ${named(name)} by matrices of shapes ${found}, which do not fit its shape ${shape}.`;
  throw badAdapter(message, name, `of shapes ${found}`, `of shapes that fit ${shape}`);
}

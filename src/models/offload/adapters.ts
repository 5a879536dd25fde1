/**
 * LoRA adapters: what their files hold.
 *
 * Invariant: a file is refused where `llama_adapter_lora_init` of llama.cpp refuses it, whatever the model.
 */
import { checkArgument, isListLike, named, PlannerError, shown } from '../../errors.js';
import type { Gguf, GgufTensor } from '../../gguf/types.js';
import { checkGguf } from '../weights.js';

/** A LoRA adapter that is loaded with a model. */
export interface LoraAdapter {
  /** The header of its file. */
  readonly gguf: Gguf;
  /** How much of it is applied; 0: it is loaded, but no part of the graph. Default 1. */
  readonly scale?: number;
}

/** The two matrices that change one weight. */
export interface AdapterPair {
  readonly weight: string;
  readonly a: GgufTensor;
  readonly b: GgufTensor;
}

/** An adapter whose header was read. */
export interface Adapter {
  /** What its file is called. */
  readonly name: string;
  readonly architecture: unknown;
  /** 0 if the file has none. */
  readonly alpha: number;
  readonly scale: number;
  /** Sorted by the names of the weights. */
  readonly pairs: readonly AdapterPair[];
}

/** @throws PlannerError `BAD_ARGUMENT`, `BAD_MODEL` if a file is no LoRA adapter */
export function readAdapters(adapters: readonly LoraAdapter[]): readonly Adapter[] {
  const remedy = 'Give each adapter as { gguf }, with what readGguf resolves to.';
  checkArgument(isListLike(adapters), 'adapters', adapters, 'a list of adapters', remedy);
  return Array.from(adapters, (adapter) => {
    const { gguf, scale = 1 } = (adapter as Partial<LoraAdapter> | null) ?? {};
    checkArgument(gguf !== undefined, 'adapters', adapters, 'a list of adapters', remedy);
    checkGguf(gguf);
    checkArgument(
      Number.isFinite(scale),
      'scale',
      scale,
      'a finite number',
      'Leave it out to apply all of the adapter.',
    );
    return readAdapter(gguf, scale);
  });
}

function readAdapter(gguf: Gguf, scale: number): Adapter {
  const { name, metadata } = gguf;
  for (const [key, wanted] of Object.entries({ 'general.type': 'adapter', 'adapter.type': 'lora' })) {
    if (metadata[key] === wanted) continue;
    const found = metadata[key] === undefined ? 'missing' : shown(metadata[key]);
    throw badAdapter(`${named(name)} is no LoRA adapter: \`${key}\` is ${found}.`, key, found, wanted);
  }
  const alpha = Number(metadata['adapter.lora.alpha'] ?? 0);
  return { name, architecture: metadata['general.architecture'], alpha, scale, pairs: pairsOf(gguf) };
}

const SUFFIX = /\.lora_([ab])$/;
/** llama.cpp skips what an adapter may say of norms. */
const SKIPPED = /_norm\.weight$/;

function pairsOf({ name, tensors }: Gguf): readonly AdapterPair[] {
  const found = new Map<string, { a?: GgufTensor; b?: GgufTensor }>();
  for (const tensor of tensors) {
    const [suffix, side] = SUFFIX.exec(tensor.name) ?? [];
    if (suffix === undefined) {
      if (SKIPPED.test(tensor.name)) continue;
      const limit = 'a name that ends in .lora_a or .lora_b';
      throw badAdapter(
        `${named(tensor.name)} in ${named(name)} is no part of a LoRA adapter: it needs ${limit}.`,
        tensor.name,
        'in the adapter',
        limit,
      );
    }
    const weight = tensor.name.replaceAll(suffix, '');
    found.set(weight, { ...found.get(weight), [side]: tensor });
  }
  const names = [...found.keys()].sort((one, other) => (one < other ? -1 : 1));
  return names.map((weight) => {
    const { a, b } = found.get(weight)!;
    if (a !== undefined && b !== undefined) return { weight, a, b };
    const missing = `${weight}.lora_${a === undefined ? 'a' : 'b'}`;
    throw badAdapter(
      `${named(missing)} is missing in ${named(name)}, which has the other matrix of the pair.`,
      missing,
      'missing',
      'in the adapter',
    );
  });
}

/** An adapter that is none, or is for another model. */
export function badAdapter(message: string, culprit: string, value: string, limit: string): PlannerError {
  const remedy = 'Give an adapter that convert_lora_to_gguf.py has made for this model.';
  return new PlannerError('BAD_MODEL', { message, culprit, value, limit, remedy });
}

/**
 * Errors for GGUF files that hold no model of their own: what the file is, and what to give instead.
 */
import { named, PlannerError } from '../errors.js';
import type { Gguf } from '../gguf/types.js';

/** The kind of a file that is not a model, and the key that says so. */
interface Part {
  readonly what: string;
  readonly key: string;
}

/** Kinds with an architecture of their own, by `general.architecture`. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  clip: 'a multimodal projector, which is loaded beside a model',
  controlvector: 'a control vector, which is loaded beside a model',
};

/** Kinds by `general.type`: these files name the architecture of the model that they belong to, or none. */
const TYPES: Readonly<Record<string, string>> = {
  adapter: 'a LoRA adapter, which is loaded beside a model',
  mmproj: ARCHITECTURES.clip,
  imatrix: 'an importance matrix, which only quantising needs',
};

/** @throws PlannerError `BAD_MODEL` if the file says that it is no model, or holds no weights */
export function rejectPart(gguf: Gguf): void {
  const part = partOf(gguf);
  if (part === null) return;
  const { what, key } = part;
  const value = gguf.metadata[key];
  throw new PlannerError('BAD_MODEL', {
    message: `${named(gguf.name)} is no model, but ${what}, as \`${key}\` shows.`,
    culprit: key,
    value: Array.isArray(value) ? `a list of ${value.length}` : value,
    limit: 'that of a model',
    remedy: 'Give the file of the model itself.',
  });
}

function partOf({ metadata, tensors }: Gguf): Part | null {
  const tables = { 'general.architecture': ARCHITECTURES, 'general.type': TYPES };
  for (const [key, table] of Object.entries(tables)) {
    const value = metadata[key];
    if (typeof value === 'string' && Object.hasOwn(table, value)) return { what: table[value], key };
  }
  if ('adapter.type' in metadata) return { what: TYPES.adapter, key: 'adapter.type' };
  const tokens = 'tokenizer.ggml.tokens';
  return tensors.length === 0 && tokens in metadata ? { what: 'a vocabulary without weights', key: tokens } : null;
}

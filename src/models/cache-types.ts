/**
 * The element types of cached keys and values.
 *
 * Invariant: what is refused is what llama.cpp's `llama_init_from_model` refuses.
 */
import { PlannerError, wrongValue } from '../errors.js';
import { elementType, type ElementType } from '../tensor/element-type.js';
import type { Hyperparameters } from './hyperparameters.js';

/** The element types that llama.cpp can cache keys and values as. */
export const CACHE_TYPES = ['f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q4_1', 'iq4_nl', 'q5_0', 'q5_1'] as const;

/** The name of an element type for the cache. */
export type CacheType = (typeof CACHE_TYPES)[number];

/** How a context caches. */
interface Caching {
  readonly keyType: ElementType;
  readonly valueType: ElementType;
  readonly flashAttention: boolean;
}

/** @throws PlannerError `BAD_ARGUMENT` for what is no type of a cache */
export function cacheType(name: string, value: string): ElementType {
  if (!(CACHE_TYPES as readonly string[]).includes(value))
    throw badType(name, value, `one of ${CACHE_TYPES.join(', ')}`);
  return elementType(value, name);
}

/** Refuses the cache types that `llama_init_from_model` refuses. @throws PlannerError `BAD_ARGUMENT` */
export function checkCacheTypes({ keyType, valueType, flashAttention }: Caching, hp: Hyperparameters): void {
  if (hp.attention.isLatent && keyType.name !== valueType.name) {
    throw new PlannerError('BAD_ARGUMENT', {
      message: `This model caches keys and values as one, but they were given the types ${keyType.name} and ${valueType.name}.`,
      culprit: 'cacheTypeV',
      value: valueType.name,
      limit: `${keyType.name}, the type of the keys`,
      remedy: 'Give `cacheTypeK` and `cacheTypeV` the same type.',
    });
  }
  if (valueType.isQuantized && !flashAttention) {
    throw new PlannerError('BAD_ARGUMENT', {
      message: 'A quantised V cache needs flash attention: give `flashAttention` on.',
      culprit: 'cacheTypeV',
      value: valueType.name,
      limit: 'unquantised, unless `flashAttention` is on',
      remedy: 'Or give `cacheTypeV` an unquantised type, such as f16.',
    });
  }
  const lengths = [
    ['cacheTypeK', keyType, 'keyLength'],
    ['cacheTypeV', valueType, 'valueLength'],
  ] as const;
  for (const [name, type, part] of lengths) {
    const odd = hp.attention.layers.find((heads) => heads[part] % type.blockSize !== 0);
    if (odd !== undefined) {
      throw badType(name, type.name, `a type whose blocks fill the model’s heads of ${odd[part]} elements`);
    }
  }
}

function badType(culprit: string, value: string, limit: string): PlannerError {
  return wrongValue('BAD_ARGUMENT', { culprit, value, limit, remedy: 'Choose another value.' });
}

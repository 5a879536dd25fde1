/**
 * Cache types to try where the given types take too many bytes.
 *
 * Invariant: no choice takes more bytes than the given types.
 */
import { nullIfThrown } from '../errors.js';
import { elementType } from '../tensor/element-type.js';
import { CACHE_TYPES } from './cache-types.js';
import { openIfCountable } from './configuration.js';
import type { ModelHeader } from './model-graph.js';
import type { ModelOptions, ResolvedModelOptions } from './options.js';

/**
 * Options with the types that people commonly cache keys and values as, where these are smaller than the given types.
 */
export function equalTypes({ isRecurrent }: ModelHeader, { keyType, valueType }: ResolvedModelOptions): ModelOptions[] {
  if (isRecurrent) return []; // a state has one type
  return ['q8_0', 'q4_0']
    .filter((name) => [keyType, valueType].every((limit) => isSmaller(name, limit)))
    .map((name) => ({ cacheTypeK: name, cacheTypeV: name }));
}

function isSmaller(name: string, limit: ResolvedModelOptions['keyType']): boolean {
  const { blockBytes, blockSize } = elementType(name);
  return blockBytes * limit.blockSize < limit.blockBytes * blockSize;
}

/**
 * The wanted options with cache types no larger than the given ones, if weights and caches leave room: first the given
 * types, then one type for both keys and values, then two types; in each group the largest caches first. Mixed types
 * come last, since not every build of llama.cpp has kernels for them.
 */
export function smallerCaches(
  header: ModelHeader,
  budget: number,
  wanted: ModelOptions,
  { keyType, valueType }: ResolvedModelOptions,
): ModelOptions[] {
  const noLargerThan = (limit: ResolvedModelOptions['keyType']): string[] =>
    CACHE_TYPES.filter((name) => name === limit.name || (!header.isRecurrent && isSmaller(name, limit)));
  const candidates = noLargerThan(keyType).flatMap((cacheTypeK) =>
    noLargerThan(valueType).flatMap((cacheTypeV) => {
      const options = { ...wanted, cacheTypeK, cacheTypeV };
      const bytes = contextBytes(header, options);
      const changes = Number(cacheTypeK !== keyType.name) + Number(cacheTypeV !== valueType.name);
      const rank = changes === 0 ? 0 : cacheTypeK === cacheTypeV ? 1 : 2;
      return header.weightBytes + bytes > budget ? [] : [{ options, bytes, changes, rank }];
    }),
  );
  candidates.sort((a, b) => a.rank - b.rank || b.bytes - a.bytes || a.changes - b.changes);
  return candidates.map(({ options }) => options);
}

/** Bytes of the context; infinite for types that the model refuses, and for sizes beyond 2^53 - 1. */
function contextBytes(header: ModelHeader, options: ModelOptions): number {
  return nullIfRefused(() => openIfCountable(header, options))?.contextBytes ?? Infinity;
}

/** The result of `work`, or null if llama.cpp would refuse the options. */
export function nullIfRefused<T>(work: () => T): T | null {
  return nullIfThrown('BAD_ARGUMENT', work);
}

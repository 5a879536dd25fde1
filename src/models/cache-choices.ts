/**
 * Cache types to try where the given ones take too much.
 *
 * Invariant: none takes more bytes than what was given.
 */
import { nullIfThrown } from '../errors.js';
import { elementType } from '../tensor/element-type.js';
import { openIfCountable } from './configuration.js';
import type { ModelHeader } from './model-graph.js';
import { CACHE_TYPES, type ModelOptions, type ResolvedModelOptions } from './options.js';

/** What people cache keys and values as, where it is smaller than what they asked for. */
export function equalTypes({ keyType, valueType }: ResolvedModelOptions): ModelOptions[] {
  return ['q8_0', 'q4_0']
    .filter((name) => [keyType, valueType].every((limit) => isSmaller(name, limit)))
    .map((name) => ({ cacheTypeK: name, cacheTypeV: name }));
}

function isSmaller(name: string, limit: ResolvedModelOptions['keyType']): boolean {
  const { blockBytes, blockSize } = elementType(name);
  return blockBytes * limit.blockSize < limit.blockBytes * blockSize;
}

/**
 * The wanted options with cache types no larger than the given ones, as far as weights and caches leave room: as they
 * were given, then of one type for keys and values, then of two; of each kind those first that keep most bytes. Mixed
 * types come last, since not every build of llama.cpp has kernels for them.
 */
export function smallerCaches(
  header: ModelHeader,
  budget: number,
  wanted: ModelOptions,
  { keyType, valueType }: ResolvedModelOptions,
): ModelOptions[] {
  const noLargerThan = (limit: ResolvedModelOptions['keyType']): string[] =>
    CACHE_TYPES.filter((name) => name === limit.name || isSmaller(name, limit));
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

/** Infinite for types that the model refuses, or that make more than can be counted. */
function contextBytes(header: ModelHeader, options: ModelOptions): number {
  return nullIfRefused(() => openIfCountable(header, options))?.contextBytes ?? Infinity;
}

/** What `work` returns, or null if llama.cpp would refuse the options. */
export function nullIfRefused<T>(work: () => T): T | null {
  return nullIfThrown('BAD_ARGUMENT', work);
}

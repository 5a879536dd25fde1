/**
 * Layers at the end of a model that look at the keys and values of earlier layers instead of caching their own.
 */
import { withHeads, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';

/**
 * The model whose layers from `count` on read the cache of the last layer before with a window, or without one.
 *
 * @param key that leads to `count`
 * @throws PlannerError `BAD_MODEL`
 */
export function withSharedCaches<H extends Hyperparameters>(
  reader: MetadataReader,
  hp: H,
  count: number,
  key: string,
): H {
  const { layers } = hp.attention;
  const sourceOf = (isWindowed: boolean): number => count - (isWindowed ? 2 : 1);
  for (const { isWindowed } of layers.slice(count)) {
    const source = layers[sourceOf(isWindowed)] as (typeof layers)[number] | undefined;
    if (source?.isWindowed === isWindowed) continue;
    reader.refuse(key, `such that layer ${count - 2} has a sliding window, but layer ${count - 1} has none`);
  }
  return withHeads(hp, ({ isWindowed }, layer) => ({ cacheLayer: layer < count ? layer : sourceOf(isWindowed) }));
}

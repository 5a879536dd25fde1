/**
 * The numbers that a file gives about the indexers of sparse attention.
 */
import type { MetadataReader } from './metadata-reader.js';

/** The indexers of a model with sparse attention. */
export interface IndexerHyperparameters {
  readonly headCount: number;
  readonly keyLength: number;
  /** What each query chooses: cached tokens, or blocks of them. */
  readonly chosen: number;
  /** Per layer of the file, whether it has an indexer of its own. */
  readonly layers: readonly boolean[];
}

/** @param ropeLength elements of a key that turn @throws PlannerError `BAD_MODEL` */
export function readIndexer(
  reader: MetadataReader,
  ropeLength: number,
  layers: readonly boolean[],
): IndexerHyperparameters {
  const keyLength = reader.positive('attention.indexer.key_length');
  if (keyLength < ropeLength) {
    reader.refuse('attention.indexer.key_length', `at least ${ropeLength}, the elements that turn`);
  }
  return {
    headCount: reader.positive('attention.indexer.head_count'),
    keyLength,
    chosen: reader.integer('attention.indexer.top_k'),
    layers,
  };
}

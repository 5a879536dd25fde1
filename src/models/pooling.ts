/**
 * How the embeddings of a text's tokens become one embedding of the text.
 *
 * Invariant: the order is that of llama.cpp's `llama_pooling_type`, by whose number files name a pooling.
 */
import { wrongValue } from '../errors.js';
import type { MetadataReader } from './metadata-reader.js';

/** `none`: each token keeps its own; `rank`: a score of the text instead, by the model's classifier. */
export const POOLINGS = ['none', 'mean', 'cls', 'last', 'rank'] as const;

/** A name of {@link POOLINGS}. */
export type Pooling = (typeof POOLINGS)[number];

/** The pooling that a file names; null if its number is none of llama.cpp's, which is refused where it is used. */
export function readPooling(reader: MetadataReader): Pooling | null {
  return POOLINGS[reader.integer('pooling_type', 0)] ?? null;
}

/**
 * The pooling that holds where embeddings are wanted.
 *
 * @param wanted by the user. Default: as the file says
 * @throws PlannerError `BAD_ARGUMENT`, `BAD_MODEL`
 */
export function resolvePooling(wanted: string | undefined, ofFile: Pooling | null): Pooling {
  const pooling = wanted === undefined ? ofFile : POOLINGS.find((each) => each === wanted);
  if (pooling) return pooling;
  const [code, value] =
    wanted === undefined ? (['BAD_MODEL', 'unknown'] as const) : (['BAD_ARGUMENT', wanted] as const);
  const [culprit, limit] = [wanted === undefined ? 'pooling_type' : 'pooling', `one of ${POOLINGS.join(', ')}`];
  throw wrongValue(code, { culprit, value, limit, remedy: 'Choose a pooling that llama.cpp has.' });
}

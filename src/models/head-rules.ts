/**
 * What llama.cpp demands of the heads of an architecture.
 */
import { PlannerError } from '../errors.js';
import type { Hyperparameters, LayerHeads } from './hyperparameters.js';
import type { MetadataReader } from './metadata-reader.js';

/** Rules for the heads of an architecture, besides the rule that keys are as long as values. */
export interface HeadRules {
  /** Whether the whole head turns with the position. */
  readonly isTurnedWhole?: boolean;
  /** Whether all heads together are as wide as the embedding. */
  readonly isAsWideAsEmbedding?: boolean;
  /** Whether layers may have heads of other numbers and lengths; `or-none`: or no heads for keys at all. */
  readonly isVaried?: boolean | 'or-none';
}

/**
 * Checks that keys are as long as values, that heads form equal groups that share them, and that all layers are alike
 * where the architecture builds them alike. @throws PlannerError `BAD_MODEL`
 */
export function requireHeads(reader: MetadataReader, hp: Hyperparameters, rules: HeadRules): void {
  if (!rules.isVaried) requireSameHeads(reader, hp);
  const { embeddingLength, state, attention } = hp;
  // Layers of a hybrid without a cache have no heads.
  const cached = attention.layers.filter(({ cacheLayer }) => state === null || cacheLayer !== null);
  const headed = rules.isVaried === 'or-none' ? cached.filter(({ kvHeadCount }) => kvHeadCount > 0) : cached;
  for (const heads of rules.isVaried ? headed : headed.slice(0, 1)) checkLengths(heads, rules, embeddingLength);
}

function checkLengths(heads: LayerHeads, { isTurnedWhole, isAsWideAsEmbedding }: HeadRules, width: number): void {
  const { keyLength, valueLength, ropeLength, headCount, kvHeadCount } = heads;
  const value = `${keyLength} for keys, ${valueLength} for values, ${ropeLength} for positions`;
  const found = `The head length is ${value}, but must be`;
  if (keyLength !== valueLength || keyLength === 0) {
    const limit = 'one length above zero for keys and values in this architecture';
    throw badHeads(`${found} ${limit}.`, 'head length', value, limit);
  }
  if (isTurnedWhole && keyLength !== ropeLength) {
    const limit = 'one length for all three in this architecture';
    throw badHeads(`${found} ${limit}.`, 'head length', value, limit);
  }
  if (isAsWideAsEmbedding && keyLength * headCount !== width) {
    const limit = `${width}, the length of the embedding, in this architecture`;
    const all = `${headCount} × ${keyLength}`;
    throw badHeads(`The length of all heads is ${all}, but must be ${limit}.`, 'length of all heads', all, limit);
  }
  if (kvHeadCount === 0 || headCount % kvHeadCount !== 0) {
    throw badHeads(
      `The number of heads is ${headCount}, which is no multiple of the ${kvHeadCount} for keys and values.`,
      'number of heads',
      `${headCount}, and ${kvHeadCount} for keys and values`,
      'a multiple of the latter',
    );
  }
}

/** The cache would follow a list, but the matrices of most architectures follow its first entry. */
function requireSameHeads(reader: MetadataReader, { attention: { layers } }: Hyperparameters): void {
  const [first] = layers;
  const differs = (part: keyof LayerHeads): boolean => layers.some((heads) => heads[part] !== first[part]);
  const counts = ['attention.head_count_kv', 'attention.head_count'] as const;
  if (differs('kvHeadCount')) {
    reader.refuse(
      counts.find((key) => reader.has(key))!,
      'the same for all layers in this architecture',
    );
  }
  const lengths = [
    ['keyLength', 'attention.key_length_swa'],
    ['valueLength', 'attention.value_length_swa'],
  ] as const;
  for (const [part, key] of lengths) {
    if (!differs(part)) continue;
    const full = layers.find(({ isWindowed }) => !isWindowed)![part];
    reader.refuse(key, `${full}, as in layers without a sliding window`);
  }
}

function badHeads(message: string, culprit: string, value: string, limit: string): PlannerError {
  const remedy = 'Convert the model again with a current converter.';
  return new PlannerError('BAD_MODEL', { message, culprit, value, limit, remedy });
}

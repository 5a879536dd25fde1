/** Headers that say what must not be believed: a clear error in bounded time, and no nonsense. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Gguf, GgufValue } from '../../src/gguf/types.js';
import { readGguf } from '../../src/gguf/gguf.js';
import { PlannerError } from '../../src/index.js';
import { fitContext, measureModel } from '../../src/models/index.js';
import { writeGguf } from '../support/gguf-writer.js';
import { tinyGemma2, tinyLlama, tinyPhi3 } from '../support/tiny-models.js';
import { withinUnits } from '../support/effort.js';

const MODELS: readonly Gguf[] = [await tinyLlama(), await tinyGemma2(), await tinyPhi3()];
const [llama] = MODELS;

const withKey = (gguf: Gguf, key: string, value: GgufValue | undefined): Gguf => {
  const metadata = { ...gguf.metadata };
  if (value === undefined) delete metadata[key];
  else metadata[key] = value;
  return { ...gguf, metadata };
};

/** Sizes that add up, or an error that names what is at fault. */
function answerOf(gguf: Gguf): 'measured' | PlannerError {
  try {
    const { weights, context, compute, total } = measureModel(gguf, { ctxSize: 512, ubatchSize: 32 });
    expect(weights + context + compute).toBe(total);
    expect(Number.isSafeInteger(total)).toBe(true);
    return 'measured';
  } catch (error) {
    if (!(error instanceof PlannerError)) throw error;
    expect(error.culprit).not.toBe('');
    return error;
  }
}

const HOSTILE: readonly (GgufValue | undefined)[] = [
  undefined,
  0,
  1,
  -1,
  1.5,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 60,
  2n ** 60n,
  NaN,
  Infinity,
  true,
  '',
  'text',
  [],
  [2n ** 63n],
  [0, 0, 0, 0],
  [4294967295, 1, 1, 1],
];

describe('hostile metadata', () => {
  const keys = MODELS.flatMap((gguf) => Object.keys(gguf.metadata).map((key) => [key, gguf] as const));

  it.each(keys)('%s with any value is measured or refused, in bounded time', async (key, gguf) => {
    await withinUnits(20_000, () => HOSTILE.forEach((value) => answerOf(withKey(gguf, key, value))));
  });

  it.each<[string, GgufValue | undefined]>([
    ['llama.block_count', 2 ** 31],
    ['llama.block_count', 2n ** 60n],
    ['llama.block_count', 0],
    ['llama.block_count', 'four'],
    ['llama.block_count', undefined],
    ['llama.embedding_length', 0],
    ['llama.embedding_length', undefined],
    ['llama.context_length', 2n ** 60n],
    ['llama.attention.head_count', -1],
    ['llama.attention.head_count', [4, 4]],
    ['llama.attention.layer_norm_rms_epsilon', 'small'],
    ['general.architecture', 7],
    ['general.architecture', undefined],
  ])('%s = %s is refused by its name', (key, value) => {
    expect(answerOf(withKey(llama, key, value))).toMatchObject({ code: 'BAD_MODEL', culprit: key });
  });

  it('names the key and the value of an unknown architecture', () => {
    const answer = answerOf(withKey(llama, 'general.architecture', 'hal9000'));
    expect(answer).toMatchObject({ code: 'UNKNOWN_ARCHITECTURE', culprit: 'general.architecture', value: 'hal9000' });
  });

  it('several wrong values at once make no difference', () => {
    const change = fc.tuple(fc.constantFrom(...Object.keys(llama.metadata)), fc.constantFrom(...HOSTILE));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        answerOf(changes.reduce((gguf, [key, value]) => withKey(gguf, key, value), llama));
      }),
      { numRuns: 150 },
    );
  });

  it('fitContext refuses them likewise', () => {
    const broken = withKey(llama, 'llama.block_count', 2 ** 31);
    expect(() => fitContext(broken, 2 ** 33)).toThrow(
      expect.objectContaining({ culprit: 'llama.block_count' }) as Error,
    );
  });
});

describe('hostile tensors', () => {
  it.each(llama.tensors.slice(0, 12).map(({ name }) => [name]))('%s: missing or of another shape', (name) => {
    const missing = { ...llama, tensors: llama.tensors.filter((tensor) => tensor.name !== name) };
    expect(answerOf(missing)).toMatchObject({ code: 'BAD_MODEL', culprit: name });
    for (const length of [0, 1, 3, 2 ** 40]) {
      const tensors = llama.tensors.map((tensor) =>
        tensor.name === name ? { ...tensor, ne: [length, 7, 1, 1] as const } : tensor,
      );
      expect(answerOf({ ...llama, tensors })).toMatchObject({ code: 'BAD_MODEL', culprit: name });
    }
  });

  it('an unknown element type is refused by the name of its tensor', async () => {
    const bytes = writeGguf({ tensors: [{ name: 'blk.0.odd.weight', type: 999, ne: [32] }] });
    await expect(readGguf(bytes)).rejects.toMatchObject({ code: 'UNKNOWN_TYPE', culprit: 'blk.0.odd.weight' });
  });
});

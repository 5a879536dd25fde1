/** Headers of projectors that say what must not be believed: a clear error in bounded time, and no nonsense. */
import { describe, expect, it } from 'vitest';
import type { Gguf, GgufValue } from '../../../src/gguf/types.js';
import { PlannerError } from '../../../src/index.js';
import { measureProjector } from '../../../src/models/index.js';
import { projectorOf, type Tower } from '../../support/projectors/tower.js';
import { PROJECTORS } from '../../support/projectors/models.js';

/** Models with two layers at most: what counts here are the keys. */
async function small(name: string): Promise<Gguf> {
  const towers = PROJECTORS[name].map((tower): Tower => {
    const [length, heads, layers, feedForward] = tower.size;
    return { ...tower, size: [length, heads, Math.min(2, layers), feedForward] };
  });
  return projectorOf(...towers);
}

const HOSTILE: readonly (GgufValue | undefined)[] = [
  undefined,
  0,
  1,
  3,
  -1,
  1.5,
  2 ** 31,
  2 ** 32 - 1,
  2n ** 60n,
  NaN,
  Infinity,
  true,
  'text',
  [],
  [0, 0, 0, 0],
  [4294967295, 1, 1, 1],
];

/** Sizes that add up, or an error that names what is at fault. */
function check(gguf: Gguf, flashAttention: boolean): void {
  try {
    const { weights, compute, total } = measureProjector(gguf, { flashAttention });
    expect(weights + compute).toBe(total);
    expect(Number.isSafeInteger(total)).toBe(true);
  } catch (error) {
    if (!(error instanceof PlannerError)) throw error;
    expect(error.culprit).not.toBe('');
  }
}

const MODELS = [
  'qwen2.5-vl-7b',
  'kimi-k2.5',
  'mimo-v2.5',
  'smolvlm-500m',
  'youtu-vl-4b',
  'minicpm-v-2.6',
  'ultravox-v0.5-8b',
  'gemma-4-unified',
  'llava-1.5-7b',
];

describe('hostile projectors', () => {
  it.each(MODELS)('%s is measured or refused, whatever a key says', async (name) => {
    const gguf = await small(name);
    for (const key of Object.keys(gguf.metadata)) {
      for (const value of HOSTILE) {
        const metadata: Record<string, GgufValue> = { ...gguf.metadata };
        if (value === undefined) delete metadata[key];
        else metadata[key] = value;
        check({ ...gguf, metadata }, true);
      }
    }
  });

  it.each(MODELS)('%s is measured or refused, whatever a tensor is', async (name) => {
    const gguf = await small(name);
    for (const [index, tensor] of gguf.tensors.entries()) {
      for (const ne of [null, [1, 1, 1, 1], [2 ** 31, 1, 1, 1], [3, 5, 7, 1]] as const) {
        const tensors = [...gguf.tensors];
        if (ne === null) tensors.splice(index, 1);
        else tensors[index] = { ...tensor, ne };
        check({ ...gguf, tensors }, false);
      }
    }
  });
});

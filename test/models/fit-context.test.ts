/** The largest context that fits, against a search that tries every one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Gguf } from '../../src/gguf/types.js';
import { readGguf } from '../../src/gguf/gguf.js';
import type { PlannerError } from '../../src/index.js';
import { fitContext, measureModel, type ModelOptions } from '../../src/models/index.js';
import { largestFitting } from '../../src/models/largest-fitting.js';
import { gemma, phi3 } from '../support/models/architectures.js';
import { describeShared, sharedPath } from '../support/shared.js';
import { tinyGemma2, tinyLlama, tinyPhi3 } from '../support/tiny-models.js';

const llama = await tinyLlama();
const MODELS = { llama, gemma2: await tinyGemma2(), phi3: await tinyPhi3() };

describe('the largest size that fits', () => {
  /** Lower bounds that grow, and totals above them that don't. */
  const needs = fc
    .array(fc.record({ growth: fc.nat(5), surplus: fc.nat(30) }), { minLength: 1, maxLength: 60 })
    .map((steps) => {
      let lowerBound = 0;
      return steps.map(({ growth, surplus }) => ({ lowerBound: (lowerBound += growth), total: lowerBound + surplus }));
    });

  it('is found wherever the search starts, however the totals jump', () => {
    fc.assert(
      fc.property(needs, fc.nat(200), fc.nat(70), (all, budget, start) => {
        const expected = all.findLastIndex(({ total }) => total <= budget) + 1;
        const found = largestFitting(all.length, start, budget, (index) => all[index - 1]);
        expect(found).toEqual({ index: expected, need: all[expected - 1] ?? null, isProven: true });
      }),
    );
  });

  it('is looked for one by one in a bounded range; then what is found fits, but is not proven', () => {
    let calls = 0;
    const found = largestFitting(2 ** 24, 1, 50, (index) => {
      calls++;
      return { lowerBound: 0, total: index };
    });
    expect(found).toMatchObject({ index: 50, isProven: false });
    expect(calls).toBeLessThan(600);
  });

  it('is none among none', () => {
    const found = largestFitting(0, 1, 50, () => ({ lowerBound: 0, total: 0 }));
    expect(found).toEqual({ index: 0, need: null, isProven: true });
  });
});

const STEPS = 24;
const OPTIONS: readonly ModelOptions[] = [
  {},
  { flashAttention: false, ubatchSize: 384 },
  { program: 'library' },
  { parallel: 3, cacheTypeK: 'q8_0' },
  { parallel: 2, kvUnified: true, ubatchSize: 64 },
];
const CASES = (['llama', 'gemma2', 'phi3'] as const).flatMap((name) =>
  OPTIONS.map((options) => [name, options] as const),
);

describe('fitContext is a linear scan', () => {
  it.each(CASES)('%s %j', (name, options) => {
    const gguf = MODELS[name];
    const { isUnified, sequences } = measureModel(gguf, options).run;
    const step = 256 * (isUnified ? 1 : sequences);
    const all = Array.from({ length: STEPS }, (_, index) => {
      return measureModel(gguf, { ...options, ctxSize: (index + 1) * step });
    });
    const ceiling = all[STEPS - 1].weights + all[STEPS - 1].context;
    const least = Math.min(...all.map(({ total }) => total));
    fc.assert(
      fc.property(fc.integer({ min: least - 100_000, max: ceiling - 1 }), (budget) => {
        const { largest, beyondTraining, trainedContext, isProven, tried, fits } = fitContext(gguf, budget, options);
        const fitting = all.filter(({ total }) => total <= budget);
        const sensible = fitting.findLast(({ run }) => run.sequenceContext <= trainedContext);
        expect(isProven).toBe(true);
        expect(largest?.run).toEqual(sensible?.run);
        expect(largest?.total).toBe(sensible?.total);
        expect((beyondTraining ?? largest)?.run).toEqual(fitting.at(-1)?.run);
        expect(fits).toBe(tried.some((attempt) => attempt.fits));
        expect(tried.every((attempt) => attempt.fits === (attempt.total ?? Infinity) <= budget)).toBe(true);
      }),
      { numRuns: 8 },
    );
  });
});

describe('alternatives for the wanted context', () => {
  const total = (options: ModelOptions): number => measureModel(llama, options).total;

  it('the largest ubatch is the last that fits', () => {
    const budget = total({ ctxSize: 2048, ubatchSize: 300 });
    const { largestUbatch } = fitContext(llama, budget, { ctxSize: 2048 });
    const { ubatchSize } = largestUbatch!.run;
    expect(ubatchSize).toBeGreaterThanOrEqual(300);
    expect(largestUbatch!.total).toBe(total({ ctxSize: 2048, ubatchSize }));
    for (let larger = ubatchSize + 1; larger <= ubatchSize + 100; larger++) {
      expect(total({ ctxSize: 2048, ubatchSize: larger })).toBeGreaterThan(budget);
    }
  });

  it('the cache types are of one kind and keep as many bytes as fit', () => {
    const wanted: ModelOptions = { ctxSize: 4096 };
    const budget = total({ ...wanted, cacheTypeK: 'q8_0', cacheTypeV: 'q8_0' });
    expect(fitContext(llama, budget, wanted).largestCache!.run).toMatchObject({
      contextSize: 4096,
      keyType: { name: 'q8_0' },
      valueType: { name: 'q8_0' },
    });
    const { run, context } = fitContext(llama, budget - 1, wanted).largestCache!;
    expect(run.keyType.name).toBe(run.valueType.name);
    for (const type of ['f16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0']) {
      const other = measureModel(llama, { ...wanted, cacheTypeK: type, cacheTypeV: type });
      if (other.context > context) expect(other.total).toBeGreaterThan(budget - 1);
    }
  });

  it('the longest contexts with smaller caches, each the last that fits, as far as the model was trained', () => {
    const budget = total({ ctxSize: 2048 });
    const { largest, largestByCache } = fitContext(llama, budget, { ctxSize: 65536 });
    expect(largestByCache.map(({ run }) => [run.keyType.name, run.valueType.name])).toEqual([
      ['q8_0', 'q8_0'],
      ['q4_0', 'q4_0'],
    ]);
    for (const { run } of largestByCache) {
      const { contextSize: ctxSize, keyType, valueType } = run;
      const types = { cacheTypeK: keyType.name, cacheTypeV: valueType.name };
      expect(ctxSize).toBeGreaterThan(largest!.run.contextSize);
      expect(total({ ...types, ctxSize })).toBeLessThanOrEqual(budget);
      expect(total({ ...types, ctxSize: ctxSize + 256 })).toBeGreaterThan(budget);
    }
    expect(fitContext(llama, 2 ** 40, {}).largestByCache).toEqual([]);
    const given = { ctxSize: 65536, cacheTypeK: 'q8_0', cacheTypeV: 'q8_0' };
    expect(fitContext(llama, budget, given).largestByCache.map(({ run }) => run.keyType.name)).toEqual(['q4_0']);
    expect(fitContext(llama, budget, { ctxSize: 65536, flashAttention: false }).largestByCache).toEqual([]);
  });

  it('types that the options allow only: values stay unquantised without flash attention', () => {
    const options: ModelOptions = { ctxSize: 4096, flashAttention: false };
    const budget = total({ ...options, cacheTypeK: 'q8_0' });
    expect(fitContext(llama, budget, options).largestCache!.run).toMatchObject({
      keyType: { name: 'q8_0' },
      valueType: { name: 'f16' },
    });
  });

  it('leave out types for whose graphs llama.cpp has no room', async () => {
    const deep = await phi3({
      layers: 40,
      width: 256,
      heads: 4,
      feedForward: 768,
      vocabulary: 512,
      context: 4096,
    }).gguf();
    const wanted: ModelOptions = { ctxSize: 4096, parallel: 2 };
    expect(() => measureModel(deep, { ...wanted, cacheTypeK: 'q8_0', cacheTypeV: 'q8_0' })).toThrow('The graph has');
    const { total } = measureModel(deep, wanted);
    const { largestCache, tried } = fitContext(deep, Math.floor(total * 0.6), wanted);
    expect(largestCache).toBeNull();
    expect(tried.length).toBeGreaterThan(1);
  });

  it('are the wanted options themselves where those fit', () => {
    const fit = fitContext(llama, total({ ctxSize: 2048, batchSize: 512 }), { ctxSize: 2048, batchSize: 512 });
    expect(fit.largest!.run.contextSize).toBeGreaterThanOrEqual(2048);
    expect(fit.largestUbatch!.run.ubatchSize).toBe(512);
    expect(fit.largestCache!.run).toMatchObject({ keyType: { name: 'f16' }, valueType: { name: 'f16' } });
    expect(fit).toMatchObject({ wantedContext: 2048, trainedContext: 4096, isUnlimited: false });
  });
});

describe('what a program asks for', () => {
  it('decides what fits: a server wants few logits, a library context all of them', async () => {
    // Gemma 3 12B, as its publisher describes it.
    const gguf = await gemma({
      ...{ generation: 3, layers: 48, width: 3840, heads: 16, kvHeads: 8, headLength: 256, feedForward: 15360 },
      ...{ vocabulary: 262208, context: 131072, window: 1024 },
    }).gguf();
    const options: ModelOptions = { ctxSize: 8192, ubatchSize: 2048, parallel: 4, kvUnified: true };
    const answer = (program: ModelOptions['program']): number[] => {
      const all = { ...options, program };
      const { largest } = fitContext(gguf, 9 * 1024 ** 3, all);
      return [Math.floor(measureModel(gguf, all).compute / 1024 ** 2), largest!.run.contextSize];
    };
    expect(answer('library')).toEqual([2108, 2048]);
    expect(answer('server')).toEqual([538, 6912]);
  });
});

describe('cache types that people use', () => {
  const fitIn = (share: number, options: ModelOptions = {}): ReturnType<typeof fitContext> => {
    const { weights, context, compute } = measureModel(llama, options);
    return fitContext(llama, Math.floor(weights + compute + context * share), options);
  };
  const types = ({ largestByCache }: ReturnType<typeof fitContext>): string[] =>
    largestByCache.map(({ run }) => `${run.keyType.name}/${run.valueType.name}`);

  it('each allow for a larger context than the one before, up to what the model was trained on', () => {
    const fit = fitIn(0.25);
    expect(types(fit)).toEqual(['q8_0/q8_0', 'q4_0/q4_0']);
    const contexts = [fit.largest!, ...fit.largestByCache].map(({ run }) => run.contextSize);
    expect(contexts).toEqual([...contexts].sort((a, b) => a - b));
    expect(new Set(contexts).size).toBe(3);
    expect(contexts.at(-1)).toBeLessThanOrEqual(4096);
    expect(fit.tried).toEqual(expect.arrayContaining([...fit.largestByCache]));
  });

  it('are left out where they don’t help, or can’t be had', () => {
    expect(types(fitIn(1))).toEqual([]);
    expect(types(fitIn(0.6))).toEqual(['q8_0/q8_0']);
    expect(types(fitIn(0.25, { cacheTypeK: 'q8_0', cacheTypeV: 'q8_0' }))).toEqual(['q4_0/q4_0']);
    expect(types(fitIn(0.25, { flashAttention: false }))).toEqual([]);
    expect(types(fitContext(llama, 0))).toEqual([]);
  });
});

describe('weights alone', () => {
  it('answer for every architecture if they exceed the budget', async () => {
    const gguf = await tinyLlama({
      metadata: { 'general.architecture': 'perceptron', 'perceptron.context_length': 2048 },
    });
    const { weights } = measureModel(llama);
    const answer = { fits: false, weights, isProven: true, largest: null, largestUbatch: null, trainedContext: 2048 };
    expect(fitContext(gguf, weights - 1)).toMatchObject({ ...answer, wantedContext: 2048, tried: [] });
    expect(fitContext(gguf, weights - 1, { ctxSize: 512 })).toMatchObject({ ...answer, wantedContext: 512 });
    expect(() => fitContext(gguf, weights)).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_ARCHITECTURE' }) as PlannerError,
    );
  });
});

describe('results and errors', () => {
  it('that nothing fits is a result, and so is that the weights alone do not', () => {
    const { weights } = measureModel(llama);
    for (const budget of [0, weights - 1, weights]) {
      const fit = fitContext(llama, budget);
      expect(fit).toMatchObject({
        fits: false,
        largest: null,
        largestUbatch: null,
        largestCache: null,
        isProven: true,
      });
      expect(fit.tried.length).toBeGreaterThan(0);
    }
  });

  it('counts beyond 2^53 bytes do not fit, rather than failing', () => {
    const fit = fitContext(llama, Number.MAX_SAFE_INTEGER, { parallel: 256, cacheTypeK: 'f32', flashAttention: false });
    expect(fit.fits).toBe(true);
  });

  it.each<[number, ModelOptions, string]>([
    [-1, {}, 'budgetBytes'],
    [1.5, {}, 'budgetBytes'],
    [NaN, {}, 'budgetBytes'],
    [2 ** 53, {}, 'budgetBytes'],
    [2 ** 30, { cacheTypeK: 'q2_K' }, 'cacheTypeK'],
    [2 ** 30, { parallel: 0 }, 'parallel'],
  ])('%d bytes with %j names %s', (budget, options, culprit) => {
    expect(() => fitContext(llama, budget, options)).toThrow(
      expect.objectContaining({ code: 'BAD_ARGUMENT', culprit }) as PlannerError,
    );
  });
});

describeShared('real models', () => {
  const header = (name: string): Promise<Gguf> => readGguf(sharedPath('gguf', `${name}.gguf`));

  it('a recurrent model takes any context, or none', async () => {
    const mamba = await header('mamba-130m');
    const { total } = measureModel(mamba);
    expect(fitContext(mamba, total)).toMatchObject({ fits: true, isUnlimited: true });
    const { largest, largestUbatch } = fitContext(mamba, total - 1);
    expect(largest!.run.contextSize).toBe(256); // as many tokens are computed at once
    expect(largestUbatch!.run.ubatchSize).toBeLessThan(512);
  });

  it.each(['phi-3-mini-4k', 'llama-3.2-1b', 'gemma-2-2b', 'gpt-oss-20b', 'deepseek-v2-lite'])(
    '%s: one more step does not fit',
    async (name) => {
      const gguf = await header(name);
      const budget = 24 * 1024 ** 3;
      const { largest, beyondTraining, trainedContext, isProven } = fitContext(gguf, budget);
      const { contextSize } = beyondTraining!.run;
      const total = (ctxSize: number): number => measureModel(gguf, { ctxSize }).total;
      expect(isProven).toBe(true);
      expect(largest!.run.contextSize).toBe(trainedContext);
      expect(beyondTraining!.total).toBe(total(contextSize));
      expect(total(contextSize)).toBeLessThanOrEqual(budget);
      expect(total(contextSize + 256)).toBeGreaterThan(budget);
    },
  );

  it('contexts whose live bytes would fit are ruled out one by one, hundreds if need be', async () => {
    const gguf = await header('deepseek-v2-lite');
    const options = {
      program: 'library',
      batchSize: 8192,
      ubatchSize: 8192,
      cacheTypeK: 'q4_0',
      cacheTypeV: 'q4_0',
    } as const;
    const { total } = measureModel(gguf, { ...options, ctxSize: 7936 });
    const { largest, isProven, tried } = fitContext(gguf, total, { ...options, ctxSize: 4096 });
    expect(largest!.run.contextSize).toBe(7936);
    expect(isProven).toBe(true);
    expect(tried.length).toBeGreaterThan(100);
  });
});

/**
 * Models and options that the recorded graphs don't have: `llama-cpp-sizes.csv` holds what llama.cpp itself says about
 * headers made from published numbers. `pp` and `tg` are the compute buffers of the two phases; `refused` says that llama.cpp ends with an error.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PlannerError } from '../../src/errors.js';
import { measureModel } from '../../src/models/measure-model.js';
import { OPTION_SETS } from '../support/models/option-sets.js';
import { PUBLIC_MODELS } from '../support/models/public-models.js';

const [, ...rows] = readFileSync(new URL('llama-cpp-sizes.csv', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const recorded = rows.map((row) => row.split(',')).map(([model, options, ...sizes]) => ({ model, options, sizes }));

/** Release b10573 builds a smaller graph for these, as recorded graphs of a small such model show; they have no row. */
const CHANGED_SINCE: Readonly<Record<string, readonly string[]>> = {
  'DeepSeek-V2 (old file)': ['no-flash-attention', 'shared-cache'],
};

describe.each(Object.entries(PUBLIC_MODELS))('%s', (model, recipe) => {
  const own = recorded.filter((row) => row.model === model);

  it('was recorded with every set of options', () => {
    expect(own.map(({ options }) => options)).toEqual(
      Object.keys(OPTION_SETS).filter((options) => CHANGED_SINCE[model]?.includes(options) !== true),
    );
  });

  it.each(own)('takes what llama.cpp says: $options', async ({ options, sizes }) => {
    const gguf = await recipe().gguf();
    const answer = (): string[] => {
      const { weights, context, compute } = measureModel(gguf, OPTION_SETS[options]);
      const { measurement } = measureModel(gguf, { ...OPTION_SETS[options], phase: 'tg' });
      return [weights, context, compute, measurement.bufferSize].map(String);
    };
    if (sizes[0] === 'refused') expect(answer).toThrow(PlannerError);
    else expect(answer()).toEqual(sizes);
  });
});

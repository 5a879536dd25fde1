/** Every graph that llama.cpp recorded is rebuilt from the model's header alone, to the byte. */
import { expect, it } from 'vitest';
import { checkConformance } from '../support/conformance.js';
import { describeShared, listGraphs } from '../support/shared.js';

describeShared('measureModel equals llama.cpp', () => {
  it.each(listGraphs('llama'))('%s', async (name) => {
    expect(await checkConformance(name)).toMatchObject({
      graph: null,
      weights: null,
      context: null,
      compute: null,
      offsets: null,
    });
  });
});

/** Graphs that llama.cpp recorded are rebuilt from the model's header alone, to the byte. */
import { expect, it } from 'vitest';
import { readGguf } from '../../src/gguf/gguf.js';
import { ARCHITECTURES } from '../../src/models/architectures/index.js';
import { measureWeights } from '../../src/models/weights.js';
import { checkConformance } from '../support/conformance.js';
import { describeShared, listRecordings, partOf, readReportedWeights, type Recording } from '../support/shared.js';

const EQUAL = { graph: null, weights: null, context: null, compute: null, offsets: null };

/** The first recording of each model. */
function oneOfEach(recordings: readonly Recording[]): Recording[] {
  return [
    ...new Map([...recordings].reverse().map((recording) => [recording.headerPath, recording])).values(),
  ].reverse();
}

/** Those of the architectures that the library builds. */
async function known(recordings: readonly Recording[]): Promise<Recording[]> {
  const headers = new Set<string>();
  for (const { headerPath } of oneOfEach(recordings)) {
    const { metadata } = await readGguf(headerPath);
    if (ARCHITECTURES.has(metadata['general.architecture'] as string)) headers.add(headerPath);
  }
  return recordings.filter(({ headerPath }) => headers.has(headerPath));
}

const small = await known(listRecordings('archs'));

describeShared('measureModel equals llama.cpp', () => {
  it.each(partOf(listRecordings('graphs/llama')))('$name', async (recording) => {
    expect(await checkConformance(recording)).toMatchObject(EQUAL);
  });

  it.each(partOf(oneOfEach(listRecordings('supported'))))('$name', async (recording) => {
    expect(await checkConformance(recording)).toMatchObject(EQUAL);
  });

  it('for small models of all architectures', () => {
    const models = new Set(small.map(({ model }) => model));
    expect(models.size).toBe(26);
    for (const name of ARCHITECTURES.keys()) expect(models).toContain(name);
  });

  it.each(partOf(small))('$name', async (recording) => {
    expect(await checkConformance(recording)).toMatchObject(EQUAL);
  });
});

describeShared('measureWeights equals llama.cpp, whatever the architecture', () => {
  const all = (['archs', 'real', 'supported'] as const).flatMap((folder) => oneOfEach(listRecordings(folder)));

  it('has models of all architectures', () => {
    expect(all.length).toBeGreaterThan(370);
  });

  it.each(partOf(all))('$model', async (recording) => {
    expect(measureWeights(await readGguf(recording.headerPath))).toBe(readReportedWeights(recording));
  });
});

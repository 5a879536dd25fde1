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

/** One recording of each model, not always that of the same options; all in `npm run test:recorded`. */
function someOfEach(recordings: readonly Recording[]): readonly Recording[] {
  if (process.env.RECORDED === 'all') return recordings;
  const byModel = new Map<string, Recording[]>();
  for (const recording of recordings) {
    const own = byModel.get(recording.headerPath) ?? [];
    byModel.set(recording.headerPath, [...own, recording]);
  }
  return [...byModel.values()].map((own, index) => own[index % own.length]);
}

const small = listRecordings('archs');

describeShared('measureModel equals llama.cpp', () => {
  it.each(partOf(listRecordings('graphs/llama')))('$name', async (recording) => {
    expect(await checkConformance(recording)).toMatchObject(EQUAL);
  });

  it.each(partOf(oneOfEach(listRecordings('supported'))))('$name', async (recording) => {
    expect(await checkConformance(recording)).toMatchObject(EQUAL);
  });

  it('has small models of all architectures', async () => {
    const names = new Set<unknown>();
    for (const { headerPath } of oneOfEach(small)) {
      names.add((await readGguf(headerPath)).metadata['general.architecture']);
    }
    expect([...ARCHITECTURES.keys()].filter((name) => !names.has(name))).toEqual([]);
    expect([...names].filter((name) => !ARCHITECTURES.has(name as string))).toEqual([]);
  });

  it.each(someOfEach(small))('$name', async (recording) => {
    expect(await checkConformance(recording)).toMatchObject(EQUAL);
  });

  it.each(someOfEach(listRecordings('real')))('$name', async (recording) => {
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

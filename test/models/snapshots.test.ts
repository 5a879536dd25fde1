/**
 * Snapshots of the state of a sequence, by which it goes back where a draft was wrong: `llama-cpp-snapshots.csv` holds
 * what llama.cpp itself says of them (`n_rs_seq` of a context with logits of all tokens).
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { cpuDevice, cudaDevice } from '../../src/device/index.js';
import { readGguf } from '../../src/gguf/gguf.js';
import { draftOptions, measureModel, mtpOptions, type ModelOptions } from '../../src/models/index.js';
import { changedHeader as header } from '../support/changed-header.js';
import { expectError } from '../support/expect-error.js';
import { describeShared, sharedPath } from '../support/shared.js';

const [, ...rows] = readFileSync(new URL('llama-cpp-snapshots.csv', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const recorded = rows.map((row) => {
  const [name, ctxSize, ubatchSize, parallel, flash, type, unified, snapshots, ...sizes] = row.split(',');
  const options: ModelOptions = {
    program: 'library',
    ctxSize: Number(ctxSize),
    ubatchSize: Number(ubatchSize),
    parallel: Number(parallel),
    flashAttention: flash === '1',
    cacheTypeK: type,
    cacheTypeV: type,
    kvUnified: unified === '1',
    stateSnapshots: Number(snapshots),
  };
  return { file: name.split('/'), options, sizes: sizes.map(Number), row };
});

describeShared('a context with snapshots', () => {
  it.each(recorded)('takes what llama.cpp says: $row', async ({ file: [folder, name], options, sizes }) => {
    const gguf = await readGguf(sharedPath(folder, `${name}.gguf`));
    const { weights, context, compute, graph } = measureModel(gguf, options);
    const tg = measureModel(gguf, { ...options, phase: 'tg' }).graph;
    expect([weights, context, compute, graph.nodes.length, tg.nodes.length]).toEqual(sizes);
  });

  it('holds one state more for each, but no larger checkpoint', async () => {
    for (const name of ['lfm2', 'deepseek4'] as const) {
      const gguf = await header(name);
      const options = { devices: [cpuDevice()], ctxSize: 512, parallel: 2 } as const;
      const [none, one, two] = [0, 1, 2].map((stateSnapshots) => measureModel(gguf, { ...options, stateSnapshots }));
      expect(one.context).toBeGreaterThan(none.context);
      expect(two.context - one.context).toBe(one.context - none.context);
      expect(none.checkpoint).toBeGreaterThan(0);
      expect(two.checkpoint).toBe(none.checkpoint);
    }
  });

  it('ignores them where llama.cpp does', async () => {
    for (const name of ['qwen3next', 'mamba2', 'llama'] as const) {
      const gguf = await header(name);
      const { run, context } = measureModel(gguf, { ctxSize: 512, stateSnapshots: 3 });
      expect({ snapshots: run.snapshots, context }).toEqual({
        snapshots: 0,
        context: measureModel(gguf, { ctxSize: 512 }).context,
      });
    }
  });

  it('refuses what is no number of them', async () => {
    const gguf = await header('lfm2');
    for (const stateSnapshots of [-1, 0.5, 4097, '3' as unknown as number]) {
      expectError('BAD_ARGUMENT', 'stateSnapshots', () => measureModel(gguf, { stateSnapshots }));
    }
    // As llama.cpp, whose graph is full.
    expectError('BAD_ARGUMENT', 'graph', () => measureModel(gguf, { ctxSize: 4096, parallel: 1, stateSnapshots: 400 }));
  });

  it('has them for the model alone, not for its drafts', async () => {
    const gguf = await readGguf(sharedPath('real', 'qwen3.5-27b.gguf'));
    const devices = [cudaDevice({ totalBytes: 24 * 2 ** 30 }), cpuDevice()];
    const options = { devices, ctxSize: 4096, loadMtp: true, stateSnapshots: 3 } as const;
    const model = measureModel(gguf, options);
    const plain = measureModel(gguf, { ...options, stateSnapshots: 0 });
    const stateBytes = plain.context - 4096 * 16 * 2 * 4 * 256 * 2; // without the 16 layers of attention
    expect(model.context - plain.context).toBe(3 * stateBytes);
    expect(mtpOptions(options, model)).not.toHaveProperty('stateSnapshots');
    const draft = draftOptions(options, model, { devices });
    expect(draft).not.toHaveProperty('stateSnapshots');
    expect(draft.targetOptions).toMatchObject({ stateSnapshots: 3 });
  });
});

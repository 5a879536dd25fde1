/** `measure --gpu` with what llama.cpp loads and keeps beside a model. */
import { describe, expect, it } from 'vitest';
import { snapshotsForDrafts } from '../../src/cli/parts.js';
import { readGguf } from '../../src/gguf/gguf.js';
import type { Gguf } from '../../src/gguf/types.js';
import { writeAdapter } from '../support/adapters.js';
import { cli, scratchFolder } from '../support/cli.js';
import { metadataOf, writeGguf } from '../support/gguf-writer.js';
import { describeShared, projectPath, sharedPath } from '../support/shared.js';
import { PROJECTORS } from '../support/projectors/models.js';
import { projectorFile } from '../support/projectors/tower.js';

const PHI3 = projectPath('examples/phi-3-mini-4k.gguf');
const MACHINE = ['--gpu', 'cuda:24GiB', '--gpu', 'cuda:12GiB', '-c', '4096'];
const { write } = scratchFolder();

interface Row {
  readonly device: string;
  readonly type: string;
  readonly purpose: string;
  readonly bytes: number;
}

interface Printed {
  readonly adapters: number;
  readonly total: number;
  readonly devices: readonly { name: string; total: number }[];
  readonly parts: readonly { name: string; buffers: readonly Row[] }[];
  readonly memoryTable: readonly { name: string; context: number }[];
  readonly server: { promptCache: number | null; checkpoint: number; checkpoints: number } | null;
  readonly layers: readonly string[];
}

async function measured(...args: string[]): Promise<Printed> {
  const { code, out } = await cli('measure', '--json', PHI3, ...MACHINE, ...args);
  expect(code).toBe(0);
  return (JSON.parse(out) as Printed[])[0];
}

const sum = (rows: readonly { total: number }[]): number => rows.reduce((all, { total }) => all + total, 0);
const bytesOf = (rows: readonly Row[]): number => rows.reduce((all, { bytes }) => all + bytes, 0);

describe('measure --gpu', () => {
  it('adds an adapter to its device', async () => {
    const file = write('adapter.gguf', writeAdapter(await readGguf(PHI3), { of: /attn_output/ }));
    const { adapters } = await measured('--lora', file);
    expect(adapters).toBe(32 * 2 * (3072 * 8 * 2)); // 32 layers, two matrices of 3072 × 8 in f16
    expect((await measured('--lora-scaled', `${file}:0.5,${file}:0`)).adapters).toBe(2 * adapters);
  });

  it('adds a draft model with the flags of its own', async () => {
    const { parts, total, devices } = await measured('-md', PHI3, '-devd', 'CUDA1', '-ngld', '0', '-ctkd', 'q8_0');
    const [{ name, buffers }] = parts;
    expect(name).toBe('draft');
    const f16 = 4096 * 3072 * 2 * 32;
    expect(buffers.find(({ purpose }) => purpose === 'context')).toMatchObject({
      type: 'CPU',
      bytes: f16 + (f16 / 64) * 34, // 34 bytes for 32 elements of keys
    });
    expect(sum(devices)).toBe(total + bytesOf(buffers));
  });

  it('adds a projector to the first device, or to the CPU', async () => {
    const metadata = metadataOf({ 'general.architecture': 'clip' });
    const tensors = ['v.blk.0.up.weight', 'a.up.weight'].map((name) => ({ name, type: 'f32' as const, ne: [64, 3] }));
    const file = write('mmproj.gguf', writeGguf({ metadata, tensors }));
    const placeOf = async (...args: string[]): Promise<Row[]> => {
      const { parts } = await measured('--mmproj', file, ...args);
      return [...parts[0].buffers];
    };
    const on = (device: string): object[] => [{ device, type: device, purpose: 'weights', bytes: 2 * 768 }];
    expect(await placeOf()).toEqual(on('CUDA0'));
    expect(await placeOf('-mmdev', 'CUDA1')).toEqual(on('CUDA1'));
    expect(await placeOf('--no-mmproj-offload')).toEqual(on('CPU'));
    expect((await cli('measure', PHI3, ...MACHINE, '--mmproj', PHI3)).code).toBe(2);
  });

  it('adds what a projector computes, or says that it is not known', async () => {
    const [tower] = PROJECTORS['smolvlm-500m'];
    const known = write('known.gguf', projectorFile(tower));
    const { parts } = await measured('--mmproj', known, '-fa', 'off');
    const compute = parts[0].buffers.filter(({ purpose }) => purpose === 'compute');
    expect(compute).toMatchObject([
      { device: 'CUDA0', bytes: 62914560 },
      { device: 'CPU', type: 'CPU', bytes: 512 * 512 * 3 * 4 }, // the image
    ]);
    const unknown = write('unknown.gguf', projectorFile({ ...tower, projector: 'newest' }));
    const { out } = await cli('measure', PHI3, ...MACHINE, '--mmproj', unknown);
    expect(out).toContain('encoder of images (newest) is not known, and not counted.');
  });

  it('takes some of the devices, in an order', async () => {
    expect(new Set((await measured('-dev', 'CUDA1')).layers)).toEqual(new Set(['CUDA1']));
    expect((await measured('-dev', 'CUDA1,CUDA0')).layers[0]).toBe('CUDA1');
    expect(new Set((await measured('-dev', 'none')).layers)).toEqual(new Set(['CPU']));
    const { code, err } = await cli('measure', PHI3, ...MACHINE, '-dev', 'CUDA2');
    expect({ code, err }).toMatchObject({
      code: 2,
      err: expect.stringContaining('CUDA2 is none of CUDA0, CUDA1') as string,
    });
  });

  it('says what a server copies while it runs, and the table that llama.cpp prints', async () => {
    const { server, memoryTable } = await measured();
    expect(server).toMatchObject({ promptCache: 8 * 2 ** 30 });
    expect(memoryTable.map(({ name }) => name)).toEqual(['CUDA0', 'CUDA1', 'Host']);
    expect((await measured('-cram', '0', '-ctxcp', '0')).server).toMatchObject({ promptCache: 0, checkpoints: 0 });
    expect((await measured('-cram', '-1')).server?.promptCache).toBeNull();
    expect((await measured('--program', 'bench')).server).toBeNull();
    const { out } = await cli('measure', PHI3, ...MACHINE);
    expect(out).toMatch(/memory breakdown \[MiB\] +self +model +context +compute\n +- CUDA0 +\d+/);
    expect(out).toContain('up to 8.00 GiB of prompts');
  });
});

describe('snapshots for drafts', () => {
  const draftOf = async (architecture: string, ...names: string[]): Promise<Gguf> => {
    const metadata = metadataOf({ 'general.architecture': architecture, [`${architecture}.block_count`]: 2 });
    const tensors = names.map((name) => ({ name, type: 'f32' as const, ne: [64, 3] }));
    return readGguf(write('draft.gguf', writeGguf({ metadata, tensors })));
  };

  it.each([
    ['dflash', 'fc.weight', 3],
    ['dflash', 'markov_w1.weight', 3],
    ['qwen35', 'blk.1.nextn.eh_proj.weight', 3],
    ['qwen35', 'blk.0.nextn.eh_proj.weight', undefined],
    ['llama', 'output.weight', undefined],
  ])('follow from the draft model %s with %s', async (architecture, tensor, count) => {
    const draft = await draftOf(architecture, tensor);
    expect(snapshotsForDrafts({}, draft)).toBe(count);
    expect(snapshotsForDrafts({ draftLength: 5 }, draft)).toBe(count && 5);
    expect(snapshotsForDrafts({ specTypes: ['draft-simple'] }, draft)).toBeUndefined();
    expect(snapshotsForDrafts({ specTypes: ['ngram-mod', 'draft-eagle3'] }, draft)).toBe(3);
  });

  it('are none without drafts', () => {
    expect(snapshotsForDrafts({ draftLength: 5 }, null)).toBeUndefined();
  });
});

describeShared('measure --gpu of a model that predicts further tokens', () => {
  it('adds the context of layers that predict further tokens, and loads them', async () => {
    const file = sharedPath('real', 'qwen3.5-27b.gguf');
    const measure = async (...args: string[]): Promise<Printed & { weights: number }> => {
      const { code, out } = await cli('measure', '--json', file, ...MACHINE, ...args);
      expect(code).toBe(0);
      return (JSON.parse(out) as (Printed & { weights: number })[])[0];
    };
    const plain = await measure();
    const both = await measure('--spec-type', 'draft-mtp', '-ctkd', 'f32');
    expect(both.weights).toBeGreaterThan(plain.weights);
    const [{ name, buffers }] = both.parts;
    expect(name).toBe('mtp');
    expect(new Set(buffers.map(({ purpose }) => purpose))).toEqual(new Set(['context', 'compute', 'output']));
    // One layer with 4 heads of 256 elements, f32 keys and f16 values.
    expect(bytesOf(buffers.filter(({ purpose }) => purpose === 'context'))).toBe(4096 * 4 * 256 * (4 + 2));
    expect(sum(both.devices)).toBe(both.total + bytesOf(buffers));
    // Three snapshots of the states, unless the draft has another length: all but the 16 layers of attention.
    const contextOf = ({ memoryTable }: Printed): number => memoryTable.reduce((all, { context }) => all + context, 0);
    const state = contextOf(plain) - 4096 * 16 * 2 * 4 * 256 * 2;
    expect(contextOf(both) - contextOf(plain)).toBe(3 * state);
    const short = await measure('--spec-type', 'draft-mtp', '--draft-max', '1');
    expect(contextOf(short) - contextOf(plain)).toBe(state);
    const found = await measure('-md', file, '-ngld', '0', '--spec-draft-n-max', '2');
    expect(contextOf(found) - contextOf(plain)).toBe(2 * state);
    expect(contextOf(await measure('--spec-type', 'draft-simple'))).toBe(contextOf(plain));
    // As a file of its own: it is loaded once more.
    const [draft] = (await measure('-md', file, '-ngld', '0')).parts;
    expect(draft.name).toBe('draft');
    expect(bytesOf(draft.buffers.filter(({ purpose }) => purpose === 'context'))).toBe(4096 * 4 * 256 * (2 + 2));
    expect((await cli('measure', file, ...MACHINE, '--spec-type', 'draft-all')).code).toBe(2);
    const none = await cli('measure', PHI3, ...MACHINE, '--spec-type', 'draft-mtp');
    expect(none.code).toBe(2);
    expect(none.err).toContain('no layers that predict further tokens');
  });
});

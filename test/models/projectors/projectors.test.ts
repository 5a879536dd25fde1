/** Encoders of projectors: graphs and buffers as llama.cpp b10573 reserved them on a CPU, and what follows from them. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cudaDevice, parseDevices } from '../../../src/device/index.js';
import type { Gguf } from '../../../src/gguf/types.js';
import { measureProjector } from '../../../src/models/index.js';
import { RECIPES } from '../../../src/models/projectors/recipes.js';
import { expectError } from '../../support/expect-error.js';
import { graphDigest, listed } from '../../support/graph-digest.js';
import { PROJECTORS } from '../../support/projectors/models.js';
import { projectorOf, type Tower } from '../../support/projectors/tower.js';
import { projectPath } from '../../support/shared-data.js';

interface Recorded {
  readonly model: string;
  readonly modality: string;
  readonly flashAttention: boolean;
  readonly nodes: number;
  readonly compute: number;
  /** The digest of the graph. */
  readonly graph: string;
  /** Bytes of the buffer of weights. */
  readonly weights: number;
}

const RECORDED: readonly Recorded[] = readFileSync(new URL('llama-cpp.csv', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => {
    const [model, modality, flash, nodes, compute, graph, weights] = line.split(',');
    const numbers = { nodes: Number(nodes), compute: Number(compute), weights: Number(weights) };
    return { model, modality, flashAttention: flash === '1', graph, ...numbers };
  });

const open = (model: string): Promise<Gguf> => projectorOf(...PROJECTORS[model]);

describe('encoders that llama.cpp reserved memory for', () => {
  it('cover every projector of the list', () => {
    expect(new Set(RECORDED.map(({ model }) => model))).toEqual(new Set(Object.keys(PROJECTORS)));
  });

  it('cover every kind that is built, which the page of conformance lists', () => {
    const recorded = new Set(Object.values(PROJECTORS).flatMap((towers) => towers.map(({ projector }) => projector)));
    const page = readFileSync(projectPath('docs', 'conformance.md'), 'utf8');
    const built = /Kinds that are equal, as files name them:\n\n([^]*?)\.\n\n/.exec(page)![1];
    expect([...built.matchAll(/`(.+?)`/g)].map(([, name]) => name)).toEqual([...RECIPES.keys()].sort());
    expect([...RECIPES.keys()].filter((kind) => !recorded.has(kind))).toEqual([]);
  });

  it.each(RECORDED)('$model, $modality, flash attention $flashAttention', async (recorded) => {
    const { model, modality, flashAttention } = recorded;
    const { encoders } = measureProjector(await open(model), { flashAttention });
    const run = encoders.find((each) => each.modality === modality)!.run!;
    expect(run).toMatchObject({ flashAttention, compute: recorded.compute, splitCount: 1 });
    expect(run.graph.nodes.length).toBe(recorded.nodes);
    expect(graphDigest(listed(run.graph))).toBe(recorded.graph);
  });

  it('have weights of as many bytes', async () => {
    for (const model of Object.keys(PROJECTORS)) {
      const rows = RECORDED.filter((each) => each.model === model && each.flashAttention);
      const wanted = rows.reduce((sum, { weights }) => sum + weights, 0);
      expect([model, measureProjector(await open(model)).weights]).toEqual([model, wanted]);
    }
  });
});

/** MiB on an MI300X without and with flash attention, as an issue of gpustack/gguf-parser-go of August 2026 lists them. */
const PUBLISHED = {
  'qwen2.5-vl-7b': [4872, 705],
  'qwen3-vl-4b': [4728, 323],
  'qwen2-vl-7b': [4598, 267],
  'gemma-3-4b': [1132, 121],
};

describe('on a GPU', () => {
  const devices = [cudaDevice({ totalBytes: 24 * 2 ** 30 })];

  it.each(Object.entries(PUBLISHED))('%s takes what was published', async (model, [plain, fused]) => {
    const gguf = await open(model);
    const onDevice = (flashAttention: boolean): number => {
      const { buffers } = measureProjector(gguf, { devices, flashAttention });
      return buffers.find(({ type, purpose }) => type.name === 'CUDA0' && purpose === 'compute')!.bytes;
    };
    expect(Math.abs(onDevice(false) / 2 ** 20 - plain)).toBeLessThan(1);
    expect(Math.abs(onDevice(true) / 2 ** 20 - fused)).toBeLessThan(1);
  });

  it('has the image on the CPU, which copies it', async () => {
    const { buffers } = measureProjector(await open('gemma-3-4b'), { devices });
    const host = buffers.find(({ type }) => type.name === 'CPU');
    expect(host).toMatchObject({ purpose: 'compute', bytes: 896 * 896 * 3 * 4 });
  });

  it('gives up flash attention where the device lacks it, and keeps the larger of both buffers', async () => {
    const [device] = parseDevices(['cuda:24GiB']);
    const supports: typeof device.supports = (node, typeOf) =>
      node.op !== 'FLASH_ATTN_EXT' && device.supports(node, typeOf);
    const without = [{ ...device, supports }];
    const gguf = await open('smolvlm-500m');
    const auto = measureProjector(gguf, { devices: without });
    const off = measureProjector(gguf, { devices: without, flashAttention: false });
    const on = measureProjector(gguf, { devices: without, flashAttention: true });
    expect(auto.encoders[0].run).toMatchObject({ flashAttention: false, splitCount: 1 });
    expect(on.encoders[0].run).toMatchObject({ flashAttention: true });
    expect(on.encoders[0].run!.splitCount).toBeGreaterThan(1);
    const bytesOf = ({ buffers }: typeof auto, name: string): number =>
      buffers.find(({ type, purpose }) => type.name === name && purpose === 'compute')!.bytes;
    for (const name of ['CUDA0', 'CPU'])
      expect(bytesOf(auto, name)).toBe(Math.max(bytesOf(off, name), bytesOf(on, name)));
  });
});

describe('a projector', () => {
  const [tower] = PROJECTORS['smolvlm-500m'];
  const measured = async (...towers: readonly Tower[]): Promise<ReturnType<typeof measureProjector>> =>
    measureProjector(await projectorOf(...towers));

  it('of a kind that is not known has weights alone, and says so', async () => {
    const { weights, compute, total, encoders, notes } = await measured({ ...tower, projector: 'newest' });
    expect(weights).toBe((await measured(tower)).weights);
    expect({ compute, total }).toEqual({ compute: 0, total: weights });
    expect(encoders).toEqual([{ modality: 'vision', projector: 'newest', run: null }]);
    expect(notes).toEqual([
      "The compute buffer of the projector's encoder of images (newest) is not known, and not counted.",
    ]);
  });

  it('may have the names of two matrices swapped, as old files do', async () => {
    const swapped = (name: string): string =>
      name.replace(/ffn_(up|down)/, (_, part) => (part === 'up' ? 'ffn_down' : 'ffn_up'));
    const gguf = await projectorOf(tower);
    const tensors = gguf.tensors.map((tensor) => ({ ...tensor, name: swapped(tensor.name) }));
    expect(measureProjector({ ...gguf, tensors }).compute).toBe(measureProjector(gguf).compute);
  });

  it('that lacks a tensor or a key is refused', async () => {
    const gguf = await projectorOf(tower);
    const without = gguf.tensors.filter(({ name }) => name !== 'mm.model.fc.weight');
    expectError('BAD_MODEL', 'mm.model.fc.weight', () => measureProjector({ ...gguf, tensors: without }));
    const metadata = { ...gguf.metadata };
    delete metadata['clip.vision.patch_size'];
    expectError('BAD_MODEL', 'clip.vision.patch_size', () => measureProjector({ ...gguf, metadata }));
    const wide = gguf.tensors.map((tensor) =>
      tensor.name === 'v.blk.0.attn_q.weight' ? { ...tensor, ne: [64, 768, 1, 1] as const } : tensor,
    );
    expectError('BAD_MODEL', 'MUL_MAT', () => measureProjector({ ...gguf, tensors: wide }));
  });
});

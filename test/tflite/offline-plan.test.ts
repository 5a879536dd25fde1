/** Plans within TFLite files: what TFLite Micro reads of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { planGraph, type Plan } from 'tensor-arena';
import { graphFromTflite, offlinePlanOf, readOfflinePlan, readTflite, writeOfflinePlan } from 'tensor-arena/tflite';
import { expectRefusal } from '../support/expect-refusal.js';
import { describeShared, sharedIsPresent, sharedPath } from '../support/shared.js';
import { projectPath } from '../support/shared-data.js';
import { tfliteFile, type SubgraphText } from '../support/tflite-file.js';

const OPTIONS = { alignment: 16, runtime: 'none' } as const;
const EXAMPLE = projectPath('examples/audio-preprocessor.tflite');
const FOLDER = sharedPath('models', 'tflite');

const planOf = async (source: string | Uint8Array): Promise<Plan> =>
  planGraph(graphFromTflite(await readTflite(source)), OPTIONS);

/** Everything but the new plan. */
const rest = async (source: string | Uint8Array): Promise<object> => {
  const { subgraphs, weights, description, metadata, bufferSizes, bufferBytes } = await readTflite(source);
  const kept = metadata.filter(({ name }) => name !== 'OfflineMemoryAllocation');
  const data = subgraphs.flatMap(({ tensors }) => tensors.map(({ buffer }) => bufferBytes(buffer)?.toString() ?? null));
  return { subgraphs, weights, description, kept, sizes: bufferSizes.slice(0, 10), data };
};

describe('a plan within a file', () => {
  it('says where each tensor goes, and leaves all else as it is', async () => {
    const plan = await planOf(EXAMPLE);
    const bytes = writeOfflinePlan(plan);
    const model = await readTflite(bytes);
    expect(readOfflinePlan(model)).toEqual(offlinePlanOf(plan));
    expect(await rest(bytes)).toEqual(await rest(EXAMPLE));
    const [offsets] = readOfflinePlan(model)!.offsets;
    for (const tensor of plan.graph.nodes) {
      if (tensor.memory !== 'deferred') continue;
      const index = model.subgraphs[0].tensors.findIndex(({ name }) => name === tensor.name);
      expect(offsets[index]).toBe(plan.locate(tensor).offset);
    }
    // Weights are the runtime's own matter.
    const weights = model.subgraphs[0].tensors.flatMap(({ isConstant }, index) => (isConstant ? [offsets[index]] : []));
    expect(new Set(weights)).toEqual(new Set([-1]));
  });

  it('is written as TFLite Micro reads it', async () => {
    const plan = await planOf(EXAMPLE);
    const { metadata, bufferBytes, subgraphs } = await readTflite(writeOfflinePlan(plan));
    const entries = metadata.filter(({ name }) => name === 'OfflineMemoryAllocation');
    expect(entries).toHaveLength(1);
    const bytes = bufferBytes(entries[0].buffer)!;
    expect(bytes.byteOffset % 16).toBe(0);
    const [version, subgraphCount, count, ...offsets] = new Int32Array(
      bytes.buffer,
      bytes.byteOffset,
      bytes.length / 4,
    );
    expect([version, subgraphCount, count]).toEqual([1, 1, subgraphs[0].tensors.length]);
    expect(offsets).toHaveLength(count);
  });

  it('takes the place of an older one', async () => {
    const once = writeOfflinePlan(await planOf(EXAMPLE));
    const plan = planGraph(graphFromTflite(await readTflite(once)), { ...OPTIONS, reuse: 'off', allocator: 'ggml' });
    const twice = await readTflite(writeOfflinePlan(plan));
    expect(twice.metadata.filter(({ name }) => name === 'OfflineMemoryAllocation')).toHaveLength(1);
    expect(readOfflinePlan(twice)).toEqual(offlinePlanOf(plan));
    expect(await rest(twice.file)).toEqual(await rest(EXAMPLE));
  });

  it('is absent from most files, and refused where it does not fit', async () => {
    expect(readOfflinePlan(await readTflite(EXAMPLE))).toBeNull();
    const relu: SubgraphText = {
      tensors: ['x', 'y'].map((name) => ({ name, shape: [4] })),
      inputs: ['x'],
      outputs: ['y'],
      operators: [{ op: 'RELU', inputs: ['x'], outputs: ['y'] }],
    };
    const model = await readTflite(
      tfliteFile([relu], [{ name: 'OfflineMemoryAllocation', data: [1, 1, 3, 0, 16, 32] }]),
    );
    await expectRefusal(
      'BAD_TFLITE',
      () => readOfflinePlan(model),
      /offsets of 3 tensors in 24 bytes, but the model has 2/,
    );
    const short = await readTflite(tfliteFile([relu], [{ name: 'OfflineMemoryAllocation', data: [1, 1, 2, 0] }]));
    await expectRefusal('BAD_TFLITE', () => readOfflinePlan(short), /offsets of 2 tensors in 16 bytes/);
  });

  it('has one chunk', async () => {
    const graph = graphFromTflite(await readTflite(EXAMPLE));
    const plan = planGraph(graph, { ...OPTIONS, maxChunkSize: 1056 });
    expect(plan.chunks.length).toBeGreaterThan(1);
    await expectRefusal('BAD_ARGUMENT', () => writeOfflinePlan(plan), /chunks of the plan is \d+, but must be one/);
  });

  it('is of a graph of the reader', async () => {
    const { Context, Graph } = await import('tensor-arena');
    const ctx = Context.deferred();
    const plan = planGraph(Graph.forward(ctx.setOutput(ctx.relu(ctx.setInput(ctx.newTensor('f32', [4]))))));
    await expectRefusal('BAD_ARGUMENT', () => writeOfflinePlan(plan), /one that graphFromTflite made/);
  });
});

describeShared('plans within real files', () => {
  it.each(sharedIsPresent ? readdirSync(FOLDER) : [])('%s', async (file) => {
    const source = `${FOLDER}/${file}`;
    const plan = await planOf(source);
    const bytes = writeOfflinePlan(plan);
    expect(readOfflinePlan(await readTflite(bytes))).toEqual(offlinePlanOf(plan));
    const old = readFileSync(source);
    expect(Buffer.from(bytes.subarray(bytes.length - old.length)).equals(old)).toBe(true);
  });
});

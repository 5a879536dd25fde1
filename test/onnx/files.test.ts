/**
 * Real files: their shapes are those of ONNX Runtime, and their plans take the bytes that were measured before.
 *
 * `recorded-shapes.json.gz` holds what onnxruntime-node 1.30 reported when it ran each file with profiling on and all
 * graph optimisations off: for every node that ran its index, operation, name, and type and shape of its results. It
 * counts nodes without those of `Constant`. Inputs were filled with small numbers; `silero_vad_v5` was run for both of its
 * sample rates, so that both branches are there.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { graphFromJson, graphToJson, measureGraph, planGraph, replayPlan, verifyPlan } from '../../src/index.js';
import {
  graphFromOnnx,
  inferShapes,
  openDims,
  readOnnx,
  type InferredNode,
  type OnnxOptions,
} from '../../src/onnx/index.js';
import { describeShared, projectPath, sharedPath } from '../support/shared.js';

type Recorded = Record<
  string,
  {
    readonly file: string;
    readonly inputs: Record<string, readonly number[]>;
    readonly nodes: readonly (readonly [number, string, string, readonly (readonly [string, readonly number[]])[]])[];
  }
>;

const recorded = JSON.parse(
  gunzipSync(readFileSync(projectPath('test/onnx/recorded-shapes.json.gz'))).toString(),
) as Recorded;

/** ONNX Runtime's names of element types. */
const TYPES: Readonly<Record<string, string>> = {
  f32: 'float',
  i64: 'int64',
  i32: 'int32',
  bool: 'bool',
  f64: 'double',
};

const path = (file: string): string => sharedPath('models/onnx', file);

function flattened(nodes: readonly InferredNode[]): readonly InferredNode[] {
  return nodes.flatMap((node) => [node, ...node.bodies.flatMap(flattened)]);
}

describeShared('shapes of real files', () => {
  it.each(Object.keys(recorded))('%s: every node has the types and shapes of ONNX Runtime', async (name) => {
    const { file, inputs, nodes } = recorded[name];
    const model = await readOnnx(path(file));
    const known = model.inputs.map((input) => input.name);
    const given = Object.fromEntries(Object.entries(inputs).filter(([input]) => known.includes(input)));
    const ours = inferShapes(model, { inputs: given });
    const byName = new Map(flattened(ours).map((node) => [node.name, node]));
    const top = ours.filter(({ op }) => op !== 'Constant');
    const differing = nodes.flatMap(([index, op, label, results]) => {
      const node = byName.get(label) ?? (top[index]?.op === op ? top[index] : undefined);
      const found = Object.values(node?.outputs ?? {}).map(({ type, shape }) => [TYPES[type], shape]);
      return JSON.stringify(found) === JSON.stringify(results) ? [] : [{ label, found, results }];
    });
    expect(differing).toEqual([]);
    const topCount = nodes.filter(([index, op]) => top[index]?.op === op).length;
    expect(topCount).toBeGreaterThanOrEqual(top.length);
  });
});

interface Figure {
  readonly file: string;
  readonly options: OnnxOptions;
  /** Bytes of all results and inputs, each once. */
  readonly sum: number;
  readonly bufferSize: number;
  readonly alignment?: number;
}

const image = (x: readonly number[]): OnnxOptions => ({ inputs: { x } });

const FIGURES: readonly Figure[] = [
  { file: 'ch_PP-OCRv4_det_infer', options: image([1, 3, 640, 640]), sum: 695_605_184, bufferSize: 39_321_600 },
  { file: 'ch_PP-OCRv4_det_infer', options: image([1, 3, 960, 960]), sum: 1_565_093_184, bufferSize: 88_473_600 },
  // ONNX Runtime also runs a cast of two constants, of 8 bytes, which is no node here.
  { file: 'ch_ppocr_mobile_v2.0_cls_infer', options: image([1, 3, 48, 192]), sum: 13_380_820, bufferSize: 485_376 },
  { file: 'ultraface_rfb_320', options: {}, sum: 27_049_440, bufferSize: 4_915_200 },
  { file: 'optimum_tiny', options: { dims: { batch: 1, sequence: 128 } }, sum: 1_020_048, bufferSize: 298_048 },
  {
    file: 'optimum_tiny',
    options: { dims: { batch: 1, sequence: 128 } },
    sum: 1_020_048,
    bufferSize: 297_992,
    alignment: 1,
  },
  { file: 'light_densenet121', options: {}, sum: 321_084_320, bufferSize: 8_429_568 },
  // ONNX Runtime also reshapes a weight, of 4,096,000 bytes.
  { file: 'light_inception_v1', options: {}, sum: 37_248_576, bufferSize: 6_422_528 },
  { file: 'light_resnet50', options: {}, sum: 150_853_440, bufferSize: 9_633_792 },
  { file: 'light_shufflenet', options: {}, sum: 57_673_984, bufferSize: 3_110_912 },
  { file: 'light_squeezenet', options: {}, sum: 29_139_840, bufferSize: 6_308_352 },
  { file: 'light_bvlc_alexnet', options: {}, sum: 7_837_504, bufferSize: 2_239_488 },
];

describeShared('plans of real files', () => {
  it.each(FIGURES)(
    '$file takes $bufferSize bytes, out of place, and none less',
    async ({ file, options, ...figure }) => {
      const graph = graphFromOnnx(await readOnnx(path(`${file}.onnx`)), options);
      const { alignment = 64 } = figure;
      const measured = measureGraph(graph, { alignment, reuse: 'off' });
      const bytes = [...graph.inputs, ...graph.nodes].reduce((sum, { byteLength }) => sum + byteLength, 0);
      expect({ sum: bytes, bufferSize: measured.bufferSize }).toEqual({
        sum: figure.sum,
        bufferSize: figure.bufferSize,
      });
      expect(measured.lowerBound).toBe(figure.bufferSize);
    },
  );

  it('keep every value until it is read, whatever reuses what', async () => {
    const graph = graphFromOnnx(await readOnnx(path('light_shufflenet.onnx')));
    const plan = planGraph(graph, { alignment: 64 });
    expect(verifyPlan(graph, plan)).toEqual([]);
    expect(replayPlan(graph, plan)).toEqual([]);
    expect(plan.bufferSize).toBeLessThanOrEqual(3_110_912);
  });

  it('come back from a graph file', async () => {
    const graph = graphFromOnnx(await readOnnx(path('ultraface_rfb_320.onnx')));
    const document = graphToJson(graph);
    const again = graphFromJson(JSON.parse(JSON.stringify(document)));
    expect(graphToJson(again)).toEqual(document);
    expect(measureGraph(again)).toEqual(measureGraph(graph));
    const conv = again.nodes.find(({ op }) => op === 'Conv');
    expect(conv?.operation).toMatchObject({ isKnown: true, family: 'convolution' });
  });

  it('take the largest branch of a body beside what is alive', async () => {
    const model = await readOnnx(path('silero_vad_v5.onnx'));
    const graph = graphFromOnnx(model, { inputs: { input: [1, 512], state: [2, 1, 128] } });
    const measured = measureGraph(graph, { alignment: 64, reuse: 'off' });
    const workspace = graph.nodes.filter(({ op }) => op === 'Workspace');
    expect(workspace.map(({ name }) => name)).toEqual(['If_0 workspace']);
    // Both inputs, which the bodies read, the condition, and the two results: 2,048 + 1,024 + 64 + 64 + 1,024.
    expect(measured.bufferSize - workspace[0].byteLength).toBe(4_224);
  });

  it('says which version of operations a file has, and still counts its weights', async () => {
    const model = await readOnnx(path('super_resolution.onnx'));
    expect(model.weights.bytes).toBe(238_628);
    expect(() => graphFromOnnx(model)).toThrow(/written for no version of ONNX’s operations/);
  });
});

describe('the example', () => {
  it('is a file of the ONNX project without large weights', async () => {
    const model = await readOnnx(projectPath('examples/squeezenet.onnx'));
    expect(model).toMatchObject({ name: 'squeezenet.onnx', nodeCount: 105, opsets: { '': 9 } });
    expect(openDims(model)).toEqual([]);
  });
});

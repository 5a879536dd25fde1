/** Graphs of TFLite files: what they need, by their runtimes' planners and by ours. */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { graphFromJson, graphToJson, measureGraph, planGraph, verifyPlan, type Graph } from 'tensor-arena';
import {
  executorchGreedy,
  graphFromTflite,
  inFileOrder,
  readTflite,
  TFLITE_CONVENTIONS,
  tfliteGreedy,
  tfliteMicroGreedy,
  type TfliteConvention,
  type TfliteModel,
} from 'tensor-arena/tflite';
import { describeShared, sharedIsPresent, sharedPath } from '../support/shared.js';

const FOLDER = sharedPath('models', 'tflite');
const FILES = sharedIsPresent ? readdirSync(FOLDER) : [];
const MICRO = TFLITE_CONVENTIONS['tflite-micro'];
/** As TFLite Micro plans: no result lies where an operand lies. */
const APART: TfliteConvention = { ...MICRO, views: [] };
const ALONE = { alignment: 16, reuse: 'off', runtime: 'none' } as const;

/** Sum of all buffers, TFLite Micro's own greedy_memory_planner.cc on this machine, and the live load. */
const FIGURES: Readonly<Record<string, readonly [sum: number, micro: number, ours: number]>> = {
  'ad01_int8.tflite': [2_320, 768, 768],
  'audio_preprocessor_int8.tflite': [12_208, 3_040, 2_096],
  'face_detection_short_range.tflite': [10_304_096, 1_376_256, 1_376_256],
  'keyword_scrambled_8bit.tflite': [752, 288, 288],
  'kws_ref_model.tflite': [72_656, 16_000, 16_000],
  'micro_speech_quantized.tflite': [7_968, 5_968, 5_968],
  'mobilenet_v2_quantized_1x3x224x224.tflite': [11_571_936, 2_451_840, 2_451_840],
  'palm_detection_lite.tflite': [45_034_736, 3_543_296, 3_543_296],
  'person_detect.tflite': [241_072, 55_296, 55_296],
  'pose_landmark_lite.tflite': [56_709_040, 9_060_352, 6_963_488],
  'pretrainedResnet_quant.tflite': [117_920, 49_152, 49_152],
  'selfie_segmentation.tflite': [30_385_712, 4_194_304, 3_670_016],
  'trained_lstm_int8.tflite': [1_936, 1_344, 1_344],
  'vww_96_int8.tflite': [259_744, 73_728, 55_296],
};

const read = (file: string): Promise<TfliteModel> => readTflite(`${FOLDER}/${file}`);
const sumOf = (graph: Graph): number => planGraph(graph, ALONE).tensors.reduce((sum, { size }) => sum + size, 0);

describeShared('real files', () => {
  it('are all in the table', () => {
    expect(FILES.toSorted()).toEqual(Object.keys(FIGURES));
  });

  it.each(FILES)('%s needs what was measured', async (file) => {
    const graph = graphFromTflite(await read(file), { convention: APART });
    const [sum, micro, ours] = FIGURES[file];
    expect(sumOf(graph)).toBe(sum);
    const allocator = inFileOrder(graph, tfliteMicroGreedy);
    expect(measureGraph(graph, { ...ALONE, allocator }).bufferSize).toBe(micro);
    const measured = measureGraph(graph, ALONE);
    expect(measured.bufferSize).toBe(ours);
    expect(measured.isOptimal).toBe(true);
  });

  it.each(FILES)('%s: every plan is right, and none needs more with more sharing', async (file) => {
    const model = await read(file);
    for (const convention of Object.values(TFLITE_CONVENTIONS)) {
      const graph = graphFromTflite(model, { convention });
      const { alignment } = convention;
      const options = { alignment, runtime: 'none' } as const;
      const [off, full] = (['off', 'full'] as const).map((reuse) => planGraph(graph, { ...options, reuse }));
      for (const plan of [off, full]) expect(verifyPlan(graph, plan, { runtime: 'none' })).toEqual([]);
      expect(full.bufferSize).toBeLessThanOrEqual(off.bufferSize);
      for (const planner of [tfliteMicroGreedy, tfliteGreedy, executorchGreedy]) {
        const allocator = inFileOrder(graph, planner);
        const peer = planGraph(graph, { ...options, reuse: 'off', allocator });
        expect(verifyPlan(graph, peer, { runtime: 'none' })).toEqual([]);
        expect(peer.bufferSize).toBeGreaterThanOrEqual(off.lowerBound);
      }
    }
  });

  it.each(FILES)('%s survives the round trip through a graph file', async (file) => {
    const graph = graphFromTflite(await read(file));
    const json = graphToJson(graph);
    const again = graphFromJson(JSON.parse(JSON.stringify(json)));
    expect(graphToJson(again)).toEqual(json);
    const options = { alignment: 16, runtime: 'none' } as const;
    expect(measureGraph(again, options).bufferSize).toBe(measureGraph(graph, options).bufferSize);
  });

  it('grow with the batch where the file leaves it open', async () => {
    for (const file of ['ad01_int8.tflite', 'kws_ref_model.tflite', 'pretrainedResnet_quant.tflite']) {
      const model = await read(file);
      const [one, eight] = [1, 8].map((batch) =>
        measureGraph(graphFromTflite(model, { convention: APART, dims: { '0': batch } }), { ...ALONE, alignment: 1 }),
      );
      expect([file, eight.bufferSize]).toEqual([file, 8 * one.bufferSize]);
    }
  });

  it('count weights by type', async () => {
    const { weights } = await read('vww_96_int8.tflite');
    expect(weights).toEqual([
      { type: 'i8', tensorCount: 28, bytes: 208_112 },
      { type: 'i32', tensorCount: 29, bytes: 10_960 },
    ]);
  });
});

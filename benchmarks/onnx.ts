/**
 * `npm run bench:onnx [-- ROUNDS]`: ONNX files, from their bytes to a plan, warm.
 *
 * The best of all rounds, since other work on the machine only ever adds time.
 */
import { readFileSync } from 'node:fs';
import { graphFromOnnx, readOnnx, type OnnxOptions } from '../src/onnx/index.js';
import { measureGraph } from '../src/plan/measure.js';
import { sharedIsPresent, sharedPath } from '../test/support/shared-data.js';

const image = (x: readonly number[]): OnnxOptions => ({ inputs: { x } });

/** Each file with its shapes, and the bytes that ONNX Runtime 1.30 held for it, weights included, where they were measured. */
const FILES: readonly (readonly [file: string, options: OnnxOptions, held: number | null])[] = [
  ['ch_PP-OCRv4_det_infer', image([1, 3, 640, 640]), 135_269_372],
  ['ch_PP-OCRv4_det_infer', image([1, 3, 960, 960]), 269_487_100],
  ['ch_ppocr_mobile_v2.0_cls_infer', image([1, 3, 48, 192]), 3_162_068],
  ['ultraface_rfb_320', {}, 16_778_320],
  ['optimum_tiny', { dims: { batch: 1, sequence: 128 } }, 1_050_936],
  ['optimum_tiny', { dims: { batch: 8, sequence: 128 } }, null],
  ['silero_vad_v5', { inputs: { input: [1, 512], state: [2, 1, 128] } }, 3_148_240],
  ['light_densenet121', {}, null],
  ['light_inception_v1', {}, null],
  ['light_resnet50', {}, null],
  ['light_shufflenet', {}, null],
  ['light_squeezenet', {}, null],
  ['light_bvlc_alexnet', {}, null],
];

const bytesText = (bytes: number | null): string => bytes?.toLocaleString('en') ?? '';

async function benchFile(file: string, options: OnnxOptions, held: number | null, rounds: number): Promise<void> {
  const bytes = readFileSync(sharedPath('models/onnx', `${file}.onnx`));
  const best = [Infinity, Infinity, Infinity];
  let sizes: readonly number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const model = await readOnnx(bytes);
    const read = performance.now();
    const graph = graphFromOnnx(model, options);
    const made = performance.now();
    const full = measureGraph(graph, { alignment: 64 }).bufferSize;
    const planned = performance.now();
    [read - start, made - read, planned - made].forEach((time, part) => (best[part] = Math.min(best[part], time)));
    sizes = [measureGraph(graph, { alignment: 64, reuse: 'off' }).bufferSize, full, model.weights.bytes];
  }
  const total = best.reduce((sum, time) => sum + time, 0);
  const cells = [...sizes.map(bytesText), bytesText(held), ...best.map((time) => time.toFixed(1)), total.toFixed(1)];
  console.log(`| ${file} | ${cells.join(' | ')} |`);
}

if (!sharedIsPresent) throw new Error('The models are not there: ../shared is absent.');
const rounds = Number(process.argv[2] ?? 30);
console.log(
  '| file | out of place | in place | weights | ONNX Runtime holds | read, ms | shapes, ms | plan, ms | all, ms |',
);
console.log('| --- | --: | --: | --: | --: | --: | --: | --: | --: |');
for (const [file, options, held] of FILES) await benchFile(file, options, held, rounds);

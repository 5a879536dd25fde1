/**
 * `npm run bench:tflite [-- ROUNDS]`: TFLite files from their bytes to a plan, and our plans beside those of their
 * runtimes' planners.
 *
 * Times are medians of warm rounds. Bytes are without any sharing by an operand and its result, as TFLite Micro plans.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { measureGraph } from '../src/plan/measure.js';
import type { Allocator } from '../src/solver/allocator.js';
import {
  executorchGreedy,
  graphFromTflite,
  inFileOrder,
  TFLITE_CONVENTIONS,
  tfliteGreedy,
  tfliteMicroGreedy,
} from '../src/tflite/index.js';
import { parseTflite } from '../src/tflite/read-tflite.js';
import { sharedIsPresent, sharedPath } from '../test/support/shared-data.js';

const ALONE = { alignment: 16, reuse: 'off', runtime: 'none' } as const;
const convention = { ...TFLITE_CONVENTIONS['tflite-micro'], views: [] };

const medianOf = (samples: readonly number[]): number => samples.toSorted((a, b) => a - b)[samples.length >> 1];

function timeOf(rounds: number, work: () => void): string {
  const samples = Array.from({ length: rounds }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return medianOf(samples).toFixed(2);
}

function benchFile(file: string, rounds: number): void {
  const bytes = readFileSync(sharedPath('models', 'tflite', file));
  const model = parseTflite(bytes, file);
  const graph = graphFromTflite(model, { convention });
  const by = (planner: Allocator): string =>
    measureGraph(graph, { ...ALONE, allocator: inFileOrder(graph, planner) }).bufferSize.toLocaleString('en');
  const full = { ...ALONE, reuse: 'full' } as const;
  const cells = [
    graph.nodes.length,
    timeOf(rounds, () => parseTflite(bytes, file)),
    timeOf(rounds, () => graphFromTflite(model)),
    timeOf(rounds, () => measureGraph(graphFromTflite(model, { convention }), ALONE)),
    by(tfliteMicroGreedy),
    by(tfliteGreedy),
    by(executorchGreedy),
    measureGraph(graph, ALONE).bufferSize.toLocaleString('en'),
    measureGraph(graphFromTflite(model), full).bufferSize.toLocaleString('en'),
  ];
  console.log(`| ${file.replace('.tflite', '')} | ${cells.join(' | ')} |`);
}

const rounds = Number(process.argv[2] ?? 15);
if (!sharedIsPresent) throw new Error('The files of models are not there: see the README of the tests.');
console.log(
  '| file | nodes | read, ms | graph, ms | graph and plan, ms | TFLite Micro | TFLite | ExecuTorch | ours | with sharing |',
);
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
for (const file of readdirSync(sharedPath('models', 'tflite'))) benchFile(file, rounds);

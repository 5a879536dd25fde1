/**
 * `npm run bench:families [-- ROUNDS]`: one plan for every batch and context of a model, and graphs that find it again.
 *
 * The family is that of llama.cpp's graphs for ubatches of 1 to 512 tokens and contexts of 256 to 131,072; the buffer
 * stands beside what ggml's allocator reserves for the largest one.
 */
import { readFileSync } from 'node:fs';
import { readGguf } from '../src/gguf/index.js';
import type { Graph } from '../src/graph/graph.js';
import { readModel } from '../src/models/model-graph.js';
import { measureGraph } from '../src/plan/measure.js';
import { planFamily } from '../src/planner/family.js';
import type { Dims } from '../src/planner/box.js';
import { sharedIsPresent, sharedPath } from '../test/support/shared-data.js';

const MODELS = ['llama-3.1-8b', 'gemma-3-4b', 'gpt-oss-20b', 'mixtral-8x7b', 'deepseek-v2-lite'];
/** llama.cpp's contexts are multiples of this. */
const STEP = 256;

type Lengths = Dims<'ubatch' | 'steps'>;

const BOX = { ubatch: [1, 512], steps: [1, 512] } as const;

const medianOf = (samples: readonly number[]): number => samples.toSorted((a, b) => a - b)[samples.length >> 1];

function timeOf(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

async function benchModel(name: string, rounds: number): Promise<void> {
  const header = readModel(await readGguf(readFileSync(sharedPath('gguf', `${name}.gguf`))));
  const build = ({ ubatch, steps }: Lengths): Graph => {
    const sizes = { ctxSize: steps * STEP, ubatchSize: ubatch, batchSize: ubatch };
    return header.withOptions({ flashAttention: true, parallel: 1, ...sizes }).graph('pp');
  };
  const making = medianOf(Array.from({ length: rounds }, () => timeOf(() => planFamily(build, BOX))));
  const family = planFamily(build, BOX);
  const growing = planFamily(build, BOX, { grows: 'steps' });
  const reserved = measureGraph(build({ ubatch: 512, steps: 512 }), { allocator: 'ggml' }).bufferSize;
  const graphs = Array.from({ length: rounds * 5 }, () => build({ ubatch: 300, steps: 77 }));
  const tables = medianOf(graphs.map((graph) => timeOf(() => graph.table)));
  const found = medianOf(graphs.map((graph) => timeOf(() => family.plan(graph))));
  const again = timeOf(() => {
    for (let i = 0; i < 1000; i++) family.plan(graphs[0]);
  });
  const least = growing.bufferSizeAt({ ubatch: 512, steps: 1 });
  const cells = [
    graphs[0].nodes.length,
    family.bufferSize.toLocaleString('en'),
    (family.bufferSize / reserved).toFixed(3),
    `${least.toLocaleString('en')} to ${growing.bufferSize.toLocaleString('en')}`,
    making.toFixed(1),
    (tables * 1000).toFixed(0),
    (found * 1000).toFixed(0),
    again.toFixed(2),
  ];
  console.log(`| ${name} | ${cells.join(' | ')} |`);
}

const rounds = Number(process.argv[2] ?? 15);
if (!sharedIsPresent) throw new Error('The recorded models are not there: see the README of the tests.');
console.log(
  '| model | nodes | bytes | ÷ ggml’s reserve | growing, bytes | made, ms | table, µs | found, µs | same graph, µs |',
);
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
for (const name of MODELS) await benchModel(name, rounds);

/**
 * `npm run bench:cold [-- RUNS [GRAPH…]]`: the very first `measureGraph` of a process, which is the only one that most
 * callers make. Each sample is a process of its own, which makes the graph, measures it once, and then again and again.
 *
 * Allocators take turns, so that a busy machine slows all of them; compare only within one run.
 */
import { spawnSync } from 'node:child_process';
import { graphFromJson } from '../src/json/read.js';
import { Graph } from '../src/graph/graph.js';
import { measureGraph } from '../src/plan/measure.js';
import type { PlanOptions } from '../src/plan/options.js';
import { readGraph, sharedIsPresent } from '../test/support/shared-data.js';
import { timeOf } from './statistics.js';

const DEFAULT_RUNS = 15;
const DEFAULT_GRAPHS = ['llama/llama-3.1-8b.c4096-b512.pp', 'diffusion/sdxl-unet-128x128-b1'];
const OPTIONS: Readonly<Record<string, PlanOptions>> = { ggml: { allocator: 'ggml' }, auto: {} };

interface Sample {
  /** Milliseconds of the first call. */
  readonly first: number;
  /** The least of many later calls, each with a graph that was not measured before. */
  readonly warm: number;
}

function sample(name: string, allocator: string): Sample {
  const graph = graphFromJson(readGraph(name));
  const options = OPTIONS[allocator];
  const { leafs, nodes, tensors } = graph;
  const start = performance.now();
  measureGraph(graph, options);
  const first = performance.now() - start;
  return { first, warm: timeOf(() => measureGraph(new Graph({ leafs, nodes, tensors }), options), 150).bestMs };
}

function sampleInProcess(name: string, allocator: string): Sample {
  const args = [process.argv[1], '--one', name, allocator];
  const { stdout, stderr, status } = spawnSync(process.execPath, args);
  if (status !== 0) throw new Error(`${name}, ${allocator}: ${stderr.toString()}`);
  return JSON.parse(stdout.toString()) as Sample;
}

const cell = (value: number): string => value.toFixed(3).padStart(10);

function benchCold(runs: number, names: readonly string[]): void {
  console.log(`The first measureGraph of a process, ms, of ${runs} processes each; warm: the least of later calls.`);
  console.log(`${''.padEnd(50)}${['median', 'least', 'warm', '÷ warm'].map((t) => t.padStart(10)).join('')}`);
  for (const name of names) {
    const samples: Record<string, Sample[]> = Object.fromEntries(Object.keys(OPTIONS).map((key) => [key, []]));
    for (let run = 0; run < runs; run++) {
      for (const allocator in samples) samples[allocator].push(sampleInProcess(name, allocator));
    }
    for (const [allocator, list] of Object.entries(samples)) {
      const firsts = list.map(({ first }) => first).sort((a, b) => a - b);
      const median = firsts[Math.floor(runs / 2)];
      const warm = list.reduce((least, each) => Math.min(least, each.warm), Infinity);
      console.log(`${name}, ${allocator}`.padEnd(50) + [median, firsts[0], warm, median / warm].map(cell).join(''));
    }
  }
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === '--one') console.log(JSON.stringify(sample(rest[0], rest[1])));
else if (!sharedIsPresent) console.log('No graphs in ../shared: nothing is measured.');
else benchCold(Number(mode ?? DEFAULT_RUNS), rest.length > 0 ? rest : DEFAULT_GRAPHS);

/**
 * `npm run bench:measure`: how long `measureGraph` takes for a graph that was not measured before, its flat table
 * included, once the code is warm (`cold.ts` has the first call of a process); beside ggml's allocator in C where its
 * program is present; and on a graph of a million nodes from the first call.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Context } from '../src/dialects/ggml/context.js';
import { Graph } from '../src/graph/graph.js';
import { graphFromJson } from '../src/json/read.js';
import { measureGraph } from '../src/plan/measure.js';
import type { PlanOptions } from '../src/plan/options.js';
import { listGraphs, readGraph, sharedIsPresent } from '../test/support/shared-data.js';
import { peerText } from './peer.js';
import { timeOf, type Timing } from './statistics.js';

const OPTIONS: PlanOptions = { allocator: 'ggml', reuse: 'ggml' };

function row(name: string, cells: readonly string[]): void {
  console.log(name.padEnd(44) + cells.map((cell) => cell.padStart(12)).join(''));
}

/**
 * ggml's own allocator on the same graph, if the environment variable GGML_PEER names a program: it reads the graph as
 * `peer.ts` writes it, calls `ggml_gallocr_reserve_n_size` of a new allocator again and again, and prints the buffer's
 * bytes and the least and the median time in ms.
 */
function peerTimes(document: unknown): Timing & { readonly bytes: number } {
  const { GGML_PEER: program } = process.env;
  if (program === undefined) return { bytes: NaN, bestMs: NaN, medianMs: NaN };
  const folder = mkdtempSync(join(tmpdir(), 'ggml-peer-'));
  const file = join(folder, 'graph.txt');
  writeFileSync(file, peerText(document));
  const [bytes, bestMs, medianMs] = execFileSync(program, [file]).toString().trim().split(/\s+/).map(Number);
  rmSync(folder, { recursive: true });
  return { bytes, bestMs, medianMs };
}

/** Another graph of the same tensors: it has no table yet, and was never measured. */
function unmeasured({ leafs, nodes, tensors }: Graph): Graph {
  return new Graph({ leafs, nodes, tensors });
}

function benchRealGraphs(): void {
  row('measureGraph, warm, new graph each time, ms', [
    'nodes',
    'ggml',
    'auto',
    'C',
    'ggml ÷ C',
    'auto ÷ C',
    'auto gap',
  ]);
  let open = 0;
  for (const name of listGraphs()) {
    const document = readGraph(name);
    const graph = graphFromJson(document);
    const ggml = timeOf(() => measureGraph(unmeasured(graph), OPTIONS), 150);
    const auto = timeOf(() => measureGraph(unmeasured(graph)), 150);
    const peer = peerTimes(document);
    const { bufferSize: ggmlSize } = measureGraph(graph, OPTIONS);
    if (ggmlSize !== peer.bytes && !Number.isNaN(peer.bytes)) throw new Error(`${name}: C says ${peer.bytes} bytes.`);
    const { isOptimal, bufferSize, lowerBound } = measureGraph(graph);
    if (!isOptimal) open++;
    const cells = [ggml, auto, peer].map(({ bestMs, medianMs }) => `${bestMs.toFixed(3)}/${medianMs.toFixed(3)}`);
    const ratios = [ggml, auto].map(({ bestMs }) => (bestMs / peer.bestMs).toFixed(2));
    const gap = isOptimal ? '0, proven' : `${(100 * (bufferSize / lowerBound - 1)).toFixed(2)} %`;
    row(name, [String(graph.nodes.length), ...cells, ...ratios, gap]);
  }
  console.log('Each cell: least/median. Ratios are of the least.');
  console.log(`${open} of ${listGraphs().length} are not proven optimal with auto.`);
  if (process.env.GGML_PEER === undefined) {
    console.log('C is not run: the environment variable GGML_PEER names no program.');
  }
}

/** Blocks of seven nodes with a skip each, like a very deep network. */
function deepGraph(nodeCount: number): Graph {
  const ctx = Context.deferred();
  const weight = Context.virtual().newTensor('f32', [64, 64], 'w');
  let x = ctx.newTensor('f32', [64, 4], 'x');
  for (let count = 0; count < nodeCount; count += 7) {
    const inner = ctx.mulMat(weight, ctx.rmsNorm(x, 1e-5));
    const gate = ctx.silu(ctx.mulMat(weight, ctx.reshape(inner, [64, 4])));
    x = ctx.add(ctx.mul(gate, inner), x);
  }
  return Graph.forward(x);
}

function benchScale(): void {
  console.log();
  row('a deep network, first call', ['nodes', 'build ms', 'ggml ms', 'auto ms', 'again ms']);
  for (const nodeCount of [10_000, 100_000, 1_000_000]) {
    const timed = <T>(call: () => T): [T, string] => {
      const start = performance.now();
      const result = call();
      return [result, (performance.now() - start).toFixed(0)];
    };
    const [graph, build] = timed(() => deepGraph(nodeCount));
    const [, ggml] = timed(() => measureGraph(graph, OPTIONS));
    const [, auto] = timed(() => measureGraph(graph));
    const [, again] = timed(() => measureGraph(graph, OPTIONS));
    row('', [String(graph.nodes.length), build, ggml, auto, again]);
  }
}

if (sharedIsPresent) benchRealGraphs();
else console.log('No graphs in ../shared: only the scale is measured.');
benchScale();

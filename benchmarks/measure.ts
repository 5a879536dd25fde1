/**
 * `npm run bench:measure`: how long `measureGraph` takes, per real graph after a warm-up, with the flat table made once, as
 * a caller who measures a graph again would see it; and on a graph of a million nodes from the first call.
 */
import { readFileSync } from 'node:fs';
import { Context } from '../src/graph/context.js';
import { Graph } from '../src/graph/graph.js';
import { graphFromJson } from '../src/graph/json-reader.js';
import { measureGraph } from '../src/plan/measure.js';
import type { PlanOptions } from '../src/plan/options.js';
import { listGraphs, readGraph, sharedIsPresent, sharedPath } from '../test/support/shared-data.js';
import { timeOf } from './statistics.js';

const OPTIONS: PlanOptions = { allocator: 'ggml', inPlace: 'ggml' };

const C_TIMES = 'ggml gallocr reserve, C, -O3, best of 30, ms';

function row(name: string, cells: readonly string[]): void {
  console.log(name.padEnd(44) + cells.map((cell) => cell.padStart(12)).join(''));
}

/** The C allocator's times by graph name, in ms, as another run on another day gave them. */
function readCTimes(): ReadonlyMap<string, number> {
  const anchors = JSON.parse(readFileSync(sharedPath('anchors.json'), 'utf8')) as Record<
    string,
    Record<string, number>
  >;
  return new Map(Object.entries(anchors[C_TIMES]).map(([label, ms]) => [label.replace(/ \(.*/, ''), ms]));
}

function benchRealGraphs(): void {
  const cTimes = readCTimes();
  let open = 0;
  row('measureGraph, warm, ms', [
    'nodes',
    'ggml median',
    'ggml best',
    'best ÷ C *',
    'auto median',
    'auto best',
    'auto gap',
  ]);
  for (const name of listGraphs()) {
    const graph = graphFromJson(readGraph(name));
    const ggml = timeOf(() => measureGraph(graph, OPTIONS), 150);
    const cMs = cTimes.get(name);
    const auto = timeOf(() => measureGraph(graph), 150);
    const { optimal, bufferSize, lowerBound } = measureGraph(graph);
    if (!optimal) open++;
    row(name, [
      String(graph.nodes.length),
      ggml.medianMs.toFixed(3),
      ggml.bestMs.toFixed(3),
      cMs === undefined ? '' : (ggml.bestMs / cMs).toFixed(2),
      auto.medianMs.toFixed(3),
      auto.bestMs.toFixed(3),
      optimal ? '0, proven' : `${(100 * (bufferSize / lowerBound - 1)).toFixed(2)} %`,
    ]);
  }
  console.log(`${open} of ${listGraphs().length} are not proven optimal with auto.`);
  console.log(
    '* The C times are from anchors.json: another run, on another day. The ratio is a hint, not a comparison.',
  );
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

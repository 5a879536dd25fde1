/** Graph files and plan files of several pools: read back, they lead to the same plan, and the command line honours them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/json/read.js';
import { graphToJson, type GraphJson } from '../../src/json/write.js';
import { renderMap } from '../../src/map/render.js';
import { memoryMapOf } from '../../src/map/source.js';
import { planGraph, type PlanJson } from '../../src/plan/plan.js';
import type { Schedule } from '../../src/schedule/schedule.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { arbitraryMachine, spreadOver } from '../support/arbitrary-machine.js';
import { cli, scratchFolder } from '../support/cli.js';
import { expectError } from '../support/expect-error.js';

const { path, write } = scratchFolder();

/** A graph on a GPU, where its weight lies, and a CPU, where its input lies. */
function smallSchedule(): Schedule {
  const ctx = Context.deferred();
  const weight = Context.virtual().newTensor('f32', [8, 8], 'w');
  const x = ctx.setInput(ctx.newTensor('f32', [8, 2], 'x'));
  const product = ctx.mulMat(weight, x);
  const graph = Graph.forward(ctx.setOutput(ctx.relu(ctx.reshape(product, [16]))));
  const gpu = { modulus: 1, alignment: 128, maxSize: 4096, extraBytes: 0, readsHost: false, offloads: true };
  return spreadOver(graph, { devices: [gpu], cpuAlignment: 32, homes: [1], copyCount: 1 }).schedule;
}

const { graph, pools } = smallSchedule();
const document = JSON.parse(JSON.stringify(graphToJson(graph, pools))) as GraphJson;
const graphFile = write('spread.json', JSON.stringify(document));

describe('a graph file with pools', () => {
  it('says which memories there are, and where each storage lies', () => {
    expect(document.pools).toEqual([
      { name: 'GPU0', alignment: 128, maxChunkSize: 4096 },
      { name: 'CPU', alignment: 32 },
    ]);
    expect(document.tensors.some(({ pool }) => pool === 1)).toBe(true);
    expect(document.tensors.some(({ pool, view }) => pool !== undefined && view !== undefined)).toBe(false);
  });

  it('leads to the same plan when it is read back', () => {
    fc.assert(
      fc.property(arbitraryGraph({ maxMoves: 8 }), arbitraryMachine(), (drawn, machine) => {
        const spread = spreadOver(drawn, machine).schedule;
        const written = graphToJson(spread.graph, spread.pools);
        const read = graphFromJson(JSON.parse(JSON.stringify(written)));
        expect(graphToJson(read)).toEqual(written);
        expect(read.pools!.list).toEqual(spread.pools.list);
        const options = { allocator: 'ggml', allowOversize: true } as const;
        const [again, plan] = [
          planGraph(read, { ...options, pools: read.pools! }),
          planGraph(spread.graph, { ...options, pools: spread.pools }),
        ];
        expect(again.toJSON()).toEqual(plan.toJSON());
      }),
      { numRuns: 60 },
    );
  });

  it('has none once the graph has grown', () => {
    const read = graphFromJson(document);
    expect(read.pools).not.toBeNull();
    expect(graphFromJson(graphToJson(graph)).pools).toBeNull();
  });

  it.each([
    ['pools', (file: GraphJson) => (file.pools = [])],
    ['pools[0].alignment', (file: GraphJson) => (file.pools![0].alignment = 96)],
    ['pools[1].maxChunkSize', (file: GraphJson) => (file.pools![1].maxChunkSize = 0)],
    ['pools[0].size', (file: GraphJson) => Object.assign(file.pools![0], { size: 1 })],
    [/\.pool$/, (file: GraphJson) => (file.tensors[0].pool = 2)],
    [/\.pool$/, (file: GraphJson) => (file.tensors.find(({ view }) => view !== undefined)!.pool = 1)],
    [/\.pool$/, (file: GraphJson) => delete file.pools],
  ])('is refused where %s is wrong', (culprit, damage) => {
    const file = structuredClone(document);
    damage(file);
    expectError('BAD_DOCUMENT', culprit, () => graphFromJson(file));
  });
});

describe('the command line', () => {
  it('plans a graph file pool by pool, and verifies that plan', async () => {
    const planFile = path('plan.json');
    expect((await cli('plan', graphFile, '-o', planFile)).code).toBe(0);
    const { out, code } = await cli('verify', graphFile, planFile);
    expect(out).toMatch(/^ok: \d+ tensors in .*, no violation\n$/);
    expect(code).toBe(0);
  });

  it('finds a storage in another pool', async () => {
    const plan = JSON.parse((await cli('plan', graphFile)).out) as PlanJson;
    expect(plan.pools!.map(({ name }) => name)).toEqual(['GPU0', 'CPU']);
    const [moved] = plan.tensors.filter(({ chunk }) => chunk === 1);
    const tensors = plan.tensors.map((entry) => (entry === moved ? { ...entry, chunk: 0, offset: 0 } : entry));
    const { out, code } = await cli('verify', graphFile, write('moved.json', JSON.stringify({ ...plan, tensors })));
    expect(code).toBe(1);
    expect(out).toMatch(/^wrong-pool: .* of pool GPU0, but belongs into CPU$/m);
  });

  it('refuses a plan without the pools of the graph, and one whose pools are none', async () => {
    const plan = JSON.parse((await cli('plan', graphFile)).out) as PlanJson;
    const without = await cli('verify', graphFile, write('bare.json', JSON.stringify({ ...plan, pools: undefined })));
    expect(without.code).toBe(1);
    expect(without.out).toMatch(/^bad-size: the plan has 0 pools, but the graph has 2$/m);
    const strange = await cli(
      'verify',
      graphFile,
      write('odd.json', JSON.stringify({ ...plan, pools: [{ name: 7 }] })),
    );
    expect(strange.code).toBe(2);
    expect(strange.err).toMatch(/pools\[0\]\.name is 7, but must be a text/);
  });

  it('refuses an alignment beside those of the pools', async () => {
    const { code, err } = await cli('plan', graphFile, '--alignment', '64');
    expect(code).toBe(2);
    expect(err).toMatch(/each pool has its own/);
  });
});

it('the map of a plan says which pool each chunk is of', () => {
  const map = memoryMapOf(planGraph(graph, { pools }));
  expect(map.poolNames).toEqual(['GPU0', 'CPU']);
  const svg = renderMap(map, { width: 1200 });
  expect(svg).toMatch(/compute buffer \S+ \S+ in 2 chunks · GPU0 \S+ \S+ · CPU \S+ B/);
  expect(svg).toContain('in chunk 0 of GPU0');
  expect(svg).toContain('in chunk 1 of CPU');
});

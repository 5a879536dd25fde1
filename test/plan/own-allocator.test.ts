/** An allocator of the caller's own plans graphs like any other, and a wrong answer of it is an error. */
import { describe, expect, it } from 'vitest';
import {
  ALLOCATORS,
  Context,
  createProblem,
  Graph,
  measureGraph,
  planGraph,
  verifyPlan,
  type Allocator,
  type Placement,
  type Problem,
  type Tensor,
} from '../../src/index.js';
import { measureModel } from '../../src/models/index.js';
import { readGguf } from '../../src/gguf/index.js';
import { memoryMapOf } from '../../src/map/index.js';
import { readFileSync } from 'node:fs';
import { expectError } from '../support/expect-error.js';
import { projectPath } from '../support/shared-data.js';

const ctx = Context.deferred();
const x = ctx.setInput(ctx.newTensor('f32', [64], 'x'));
const w = Context.virtual().newTensor('f32', [64, 64], 'w');
const product = (a: Tensor): Tensor => ctx.mulMat(w, a);
const graph = Graph.forward(ctx.setOutput(product(product(product(product(x))))));

/** Every buffer behind the one before it, whenever it lives. */
const apart: Allocator = {
  name: 'apart',
  place({ sizes, bufferCount, alignments }: Problem): Placement {
    const offsets = new Float64Array(bufferCount);
    let end = 0;
    for (let b = 0; b < bufferCount; b++) {
      offsets[b] = Math.ceil(end / alignments[b]) * alignments[b];
      end = offsets[b] + sizes[b];
    }
    return { offsets, chunkOf: new Int32Array(bufferCount), chunks: [end] };
  },
};

/** The same with an answer that is changed. */
const changed = (change: (placement: Placement) => unknown): Allocator => ({
  name: 'mine',
  place: (problem) => ({ ...apart.place(problem), ...(change(apart.place(problem)) as object) }),
});

describe('an allocator of the caller’s own', () => {
  it('plans and measures graphs, by its name', () => {
    const plan = planGraph(graph, { allocator: apart });
    expect(plan.allocator).toBe('apart');
    expect(plan.toJSON().allocator).toBe('apart');
    expect(memoryMapOf(plan).allocator).toBe('apart');
    expect(verifyPlan(graph, plan)).toEqual([]);
    expect(measureGraph(graph, { allocator: apart })).toMatchObject({
      allocator: 'apart',
      bufferSize: plan.bufferSize,
    });
    expect(plan.bufferSize).toBeGreaterThan(planGraph(graph).bufferSize);
    expect([plan.lowerBound, plan.isOptimal]).toEqual([planGraph(graph).lowerBound, false]);
  });

  it('plans models', async () => {
    const gguf = await readGguf(readFileSync(projectPath('examples/phi-3-mini-4k.gguf')));
    const { plan } = measureModel(gguf, { ctxSize: 512 }, { allocator: apart });
    expect(plan.allocator).toBe('apart');
  });

  it('may be one of the library as an object, which is the same as its name', () => {
    for (const name of ['auto', 'ggml', 'greedy-by-size'] as const) {
      expect(measureGraph(graph, { allocator: ALLOCATORS[name] })).toEqual(measureGraph(graph, { allocator: name }));
    }
  });

  it('has proven nothing, whatever it claims', () => {
    const { lowerBound, isOptimal } = measureGraph(graph, {
      allocator: changed(({ chunks }) => ({ lowerBound: chunks[0] })),
    });
    expect([lowerBound, isOptimal]).toEqual([measureGraph(graph).lowerBound, false]);
  });

  it.each<readonly [fault: RegExp, change: (placement: Placement) => unknown]>([
    [/buffers? \d+ and .*\d+/, ({ offsets }) => ({ offsets: offsets.map(() => 0) })],
    [/is at 4, no multiple of 32/, ({ offsets }) => ({ offsets: offsets.with(0, 4) })],
    [/is at NaN/, ({ offsets }) => ({ offsets: offsets.with(0, NaN) })],
    [/in chunk 7 of 1/, ({ chunkOf }) => ({ chunkOf: chunkOf.with(0, 7) })],
    [/but chunk 0 has 32 bytes/, () => ({ chunks: [32] })],
    [/size of chunk 1 is -8/, ({ chunks }) => ({ chunks: [...chunks, -8] })],
    [/size of chunk 0 is Infinity/, () => ({ chunks: [Infinity] })],
    [/size of chunk 0 is "4096"/, () => ({ chunks: ['4096'] })],
    [/1 offsets and/, () => ({ offsets: new Float64Array(1) })],
  ])('that is wrong is found out: %s', (fault, change) => {
    const error = expectError('BAD_ARGUMENT', 'placement of mine', () =>
      planGraph(graph, { allocator: changed(change) }),
    );
    expect(error.message).toMatch(fault);
  });

  it('that returns no placement is found out', () => {
    for (const answer of [undefined, null, 5, {}]) {
      const allocator: Allocator = { name: 'mine', place: () => answer as never };
      expectError('BAD_ARGUMENT', /placement/, () => planGraph(graph, { allocator }));
    }
  });

  it('keeps the limit of chunks', () => {
    const limit = { allocator: apart, maxChunkSize: 2_000 };
    expectError('BAD_ARGUMENT', 'placement of apart', () => planGraph(graph, { ...limit, maxChunkSize: 512 }));
    expect(planGraph(graph, limit).chunks).toHaveLength(1);
  });

  it('has a name of its own, and a way to place', () => {
    for (const allocator of [{}, [], { name: 'mine' }, { ...apart, name: '' }, null, 5, 'best']) {
      expectError('BAD_ARGUMENT', 'allocator', () => planGraph(graph, { allocator: allocator as never }));
    }
    const bare = expectError('BAD_ARGUMENT', 'allocator', () => planGraph(graph, { allocator: (() => null) as never }));
    expect(bare.message).toMatch(/is a function, but must be an Allocator: \{ name, place \}/);
    expectError('BAD_ARGUMENT', 'allocator.name', () => planGraph(graph, { allocator: { ...apart, name: 'auto' } }));
    expect(apart.place(createProblem([{ size: 4, start: 0, end: 1 }])).chunks).toEqual([4]);
  });
});

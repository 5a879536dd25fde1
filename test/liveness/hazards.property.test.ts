/**
 * Hazards of arbitrary traffic on a few storages, against every pair of nodes, compared byte by byte: whatever is not
 * reported must be ordered by paths alone, and whatever is reported must not be.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { mayConflict } from '../../src/liveness/conflicts.js';
import { findHazards } from '../../src/liveness/hazards.js';
import { overlapOf, regionOf } from '../../src/liveness/regions.js';
import type { Tensor } from '../../src/tensor/tensor.js';

/** What is done, to which part, and after which earlier result it says that it comes. */
type Move = readonly [kind: number, part: number, after: number];

const moves = fc.array(fc.tuple(fc.nat(6), fc.nat(23), fc.nat(12)), { minLength: 1, maxLength: 14 });

/** A cache of eight rows and a result of the same shape, read and written in part, in order or by luck. */
function graphOf(list: readonly Move[]): Graph {
  const ctx = Context.deferred();
  const cache = Context.immediate().newTensor('f32', [4, 8], 'cache');
  const computed = ctx.sqr(ctx.newTensor('f32', [4, 8], 'x'));
  const done: Tensor[] = [];
  for (const [kind, part, after] of list) {
    const storage = part % 3 === 0 ? computed : cache;
    // Some say what comes before them: one result, or the two last ones.
    let whole = storage;
    if (after > 3 && done.length > 0) whole = ctx.dependency(whole, done[done.length - 1 - (after % done.length)]);
    if (after > 8 && done.length > 0) whole = ctx.dependency(whole, done[done.length - 1]);
    const view = partOf(ctx, whole, part);
    done.push(nodeOf(ctx, kind, view));
  }
  return Graph.forward(done);
}

function partOf(ctx: Context, whole: Tensor, part: number): Tensor {
  const row = part % 8;
  switch (part % 4) {
    case 0:
      return whole;
    case 1:
      return ctx.view(whole, [4], [], 16 * row);
    case 2:
      return ctx.view(whole, [2, 8], [16], 8 * (row % 2)); // half of every row
    default:
      return ctx.view(whole, [4, 3], [16], 16 * (row % 6));
  }
}

function nodeOf(ctx: Context, kind: number, view: Tensor): Tensor {
  switch (kind) {
    case 0:
      return ctx.cont(view);
    case 1:
      return ctx.setOutput(ctx.cont(view));
    case 2:
      return ctx.cpy(ctx.newTensor('f32', view.ne), view);
    case 3: {
      const result = ctx.exp(ctx.newTensor('f32', view.ne));
      return ctx.setOutput(result, view);
    }
    case 4:
      return ctx.view(view, view.ne, view.nb.slice(1));
    case 5:
      return ctx.tanh(view, { inPlace: true });
    default:
      return ctx.tanh(ctx.cont(view));
  }
}

const isPureView = (node: Tensor): boolean => /^(NONE|VIEW|RESHAPE|PERMUTE|TRANSPOSE|DEPENDENCY)$/.test(node.op);

function bytesOf({ ne, nb, type, viewOffset }: Tensor): number[] {
  const bytes: number[] = [];
  for (let i1 = 0; i1 < ne[1]; i1++) {
    for (let i0 = 0; i0 < ne[0]; i0++) {
      for (let byte = 0; byte < type.blockBytes; byte++) bytes.push(viewOffset + i1 * nb[1] + i0 * nb[0] + byte);
    }
  }
  return bytes;
}

interface Access {
  /** Number of nodes for what is read from outside, at the end. */
  readonly step: number;
  readonly node: Tensor;
  readonly tensor: Tensor;
  readonly isWrite: boolean;
}

/** What is done to storages of which some node writes a part, in order. */
function accessesOf({ nodes, tensors, outputs }: Graph): Access[] {
  const written = new Set(nodes.filter((node) => node.isView && !isPureView(node)).map(({ root }) => root));
  const accesses = nodes.flatMap((node, step): Access[] => {
    if (isPureView(node)) return [];
    // The target of a copy is not read.
    const read = node.sources.filter((source) => source !== null && !(node.op === 'CPY' && source === node.sources[1]));
    const reads = read.map((tensor) => ({ step, node, tensor: tensor!, isWrite: false }));
    const writes = node.isView ? [{ step, node, tensor: node, isWrite: true }] : [];
    return [...reads, ...writes].filter(({ tensor }) => written.has(tensor.root));
  });
  const computes = (tensor: Tensor): boolean =>
    isPureView(tensor) ? tensor.op !== 'NONE' && computes(tensor.sources[0]!) : true;
  const results = tensors.filter((tensor) => outputs.has(tensor) && written.has(tensor.root) && computes(tensor));
  return [...accesses, ...results.map((tensor) => ({ step: nodes.length, node: tensor, tensor, isWrite: false }))];
}

/** For each node, all nodes that it depends on, and itself. */
function ancestorsOf({ nodes }: Graph): Map<Tensor, Set<Tensor>> {
  const ancestors = new Map<Tensor, Set<Tensor>>();
  for (const node of nodes) {
    const own = new Set([node]);
    for (const need of [...node.sources, node.destination]) {
      for (const tensor of need === null ? [] : (ancestors.get(need) ?? [])) own.add(tensor);
    }
    ancestors.set(node, own);
  }
  return ancestors;
}

it('reports what no path orders, and nothing else', () => {
  const count = { clean: 0, unordered: 0, conflict: 0 };
  fc.assert(
    fc.property(moves, (list) => {
      const graph = graphOf(list);
      const hazards = findHazards(graph);
      const ancestors = ancestorsOf(graph);
      const isOrdered = (first: Tensor, second: Tensor): boolean => ancestors.get(second)?.has(first) ?? false;
      const accesses = accessesOf(graph);
      for (const [i, later] of accesses.entries()) {
        for (const earlier of accesses.slice(0, i)) {
          const isPair = earlier.tensor.root === later.tensor.root && (earlier.isWrite || later.isWrite);
          if (!isPair || earlier.node === later.node || isOrdered(earlier.node, later.node)) continue;
          const bytes = new Set(bytesOf(earlier.tensor));
          if (bytesOf(later.tensor).some((byte) => bytes.has(byte))) expect(hazards).not.toEqual([]);
        }
      }
      for (const { kind, writer, other, otherRunsFirst, tensor, missing } of hazards) {
        count[kind]++;
        expect(overlapOf(regionOf(writer), regionOf(tensor))).not.toBe('disjoint');
        const [first, second] = otherRunsFirst ? [other, writer] : [writer, other];
        if (kind === 'unordered' && first !== second) expect(isOrdered(first, second)).toBe(false);
        // A conflict is a reading of a value that its writer is no part of.
        if (kind === 'conflict' && !otherRunsFirst) expect(isOrdered(writer, tensor)).toBe(false);
        expect(missing).toMatch(/^(dependency|cont)\(.* as what .* (reads|overwrites)$/);
      }
      if (hazards.length === 0) count.clean++;
      // What is read from outside, at the end, is left out.
      const steps = hazards
        .filter(({ other }) => !graph.outputs.has(other))
        .map(({ writer, other, otherRunsFirst }) => graph.nodes.indexOf(otherRunsFirst ? writer : other));
      expect(steps).toEqual([...steps].sort((a, b) => a - b));
    }),
    { numRuns: 1500 },
  );
  expect(Math.min(count.clean, count.unordered, count.conflict)).toBeGreaterThan(100);
});

it('a quick look rules out no graph that has a conflict', () => {
  let conflicts = 0;
  fc.assert(
    fc.property(moves, (list) => {
      const graph = graphOf(list);
      if (!findHazards(graph).some(({ kind }) => kind === 'conflict')) return;
      conflicts++;
      expect(mayConflict(graph.tensors, graph.table)).toBe(true);
    }),
    { numRuns: 1000 },
  );
  expect(conflicts).toBeGreaterThan(0);
});

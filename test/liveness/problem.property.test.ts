/**
 * The problem of a graph, row by row, against the rules in words: who takes over what, from when to when each storage is
 * needed, and what is given back when something smaller takes over.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Graph } from '../../src/graph/graph.js';
import { findOperation } from '../../src/dialects/ggml/operations.js';
import { analyzeLiveness, NO_BUFFER, type ReuseMode } from '../../src/liveness/liveness.js';
import { sameLayout } from '../../src/tensor/layout.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { alignUp } from '../../src/units.js';
import { arbitraryGraphs, graphOf } from '../support/arbitrary-graph.js';

/** One buffer in the making. */
interface Row {
  readonly owners: Tensor[];
  readonly size: number;
  readonly start: number;
  end: number;
  /** From which step on how many bytes are enough. */
  readonly shrinks: { step: number; bytes: number }[];
}

const sizeOf = (owner: Tensor): number => owner.allocSize ?? owner.byteLength;
const isPlanned = (tensor: Tensor): boolean => !tensor.isView && tensor.memory === 'deferred';
const sourcesOf = (node: Tensor): Tensor[] =>
  node.sources.filter((source): source is Tensor => source !== null && source !== node);

/** Outputs, and what nobody reads or writes into, last; everything else to the step after its last reader. */
function endOf({ tensors, nodes, outputs }: Graph, owner: Tensor): { end: number; isKept: boolean } {
  const read = new Set(nodes.flatMap((node) => [...sourcesOf(node), node.destination]));
  const isKept = tensors.some((tensor) => tensor.root === owner && (outputs.has(tensor) || !read.has(tensor)));
  const lastReader = nodes.findLastIndex((node) => sourcesOf(node).some((source) => source.root === owner));
  return { end: isKept ? Math.max(1, nodes.length) : lastReader + 1, isKept };
}

/** Whether `node`, at `step`, may go over what it reads in `slot`. */
function mayReuse(graph: Graph, node: Tensor, slot: number, step: number, mode: ReuseMode): boolean {
  const source = node.sources[slot];
  if (mode === 'off' || source === null || source === node || !isPlanned(source.root)) return false;
  const { end, isKept } = endOf(graph, source.root);
  const isLastReader = end === step + 1 && !isKept;
  const size = sizeOf(source.root);
  if (!isLastReader || !sameLayout(source, node) || size < sizeOf(node) || size === 0) return false;

  const operation = findOperation(node.op);
  const declared = node.reuseRule?.operands ?? operation?.overwrites ?? [];
  const others = node.sources.flatMap((other, index) => (other !== node && other?.root === source.root ? [index] : []));
  const isUnknown = operation === undefined && declared.length === 0;
  if (mode === 'ggml' || isUnknown) {
    const isInPlace = node.reuseRule?.reusesAny ?? operation?.reusesAny ?? false;
    return isInPlace && !source.isView && others.length === 1 && (isUnknown || declared.includes(slot));
  }
  const readsTheSame = others.every((index) => {
    const other = node.sources[index]!;
    return declared.includes(index) && sameLayout(other, source) && other.viewOffset === source.viewOffset;
  });
  return readsTheSame && source.viewOffset === 0;
}

/** The slot whose storage a node takes over; -1 if none. */
function slotTaken(graph: Graph, node: Tensor, step: number, mode: ReuseMode, isRefused: IsRefused): number {
  const slots = [...node.sources.keys()].filter(
    (slot) => !isRefused(node, slot) && mayReuse(graph, node, slot, step, mode),
  );
  if (mode === 'ggml' || slots.length === 0) return slots[0] ?? -1;
  const sizes = slots.map((slot) => sizeOf(node.sources[slot]!.root));
  return slots[sizes.indexOf(Math.max(...sizes))];
}

type IsRefused = (node: Tensor, slot: number) => boolean;

function rowsOf(graph: Graph, mode: ReuseMode, alignment: number, isRefused: IsRefused): Row[] {
  const { leafs, nodes, inputs } = graph;
  const rows: Row[] = [];
  const open = (owner: Tensor, start: number): void => {
    if (!isPlanned(owner) || sizeOf(owner) === 0) return;
    rows.push({
      owners: [owner],
      size: alignUp(sizeOf(owner), alignment),
      start,
      end: endOf(graph, owner).end,
      shrinks: [],
    });
  };
  for (const leaf of leafs) open(leaf, 0);
  for (const node of nodes) if (inputs.has(node)) open(node, 0);
  nodes.forEach((node, step) => {
    if (inputs.has(node) || !isPlanned(node)) return;
    const slot = slotTaken(graph, node, step, mode, isRefused);
    if (slot === -1) return open(node, step);
    const row = rows.find(({ owners }) => owners.includes(node.sources[slot]!.root))!;
    const bytes = alignUp(sizeOf(node), alignment);
    row.owners.push(node);
    row.end = Math.max(row.end, endOf(graph, node).end);
    // What is there before the first step has all its bytes at that step.
    row.shrinks.push({ step: Math.max(step, row.start + 1), bytes });
  });
  return rows;
}

/** The bytes that a row needs at each step of its life. */
function profileOf({ size, start, end, shrinks }: Row): number[] {
  return Array.from({ length: end - start }, (_, i) => {
    return shrinks.reduce((bytes, shrink) => (shrink.step <= start + i ? shrink.bytes : bytes), size);
  });
}

const alignments = fc.constantFrom(1, 4, 32);
/** Devices that want more bytes for many tensors: what takes over such a one gives bytes back. */
const extras = fc.array(fc.tuple(fc.nat(40), fc.constantFrom(4, 32, 100, 256)), { maxLength: 20, size: 'max' });
const refusals = fc.array(fc.nat(2), { minLength: 60, maxLength: 60 });

it.each(['off', 'ggml', 'full'] as const)('is what the rules say, mode %s', (mode) => {
  const seen = { shrinks: 0, refused: 0 };
  fc.assert(
    fc.property(arbitraryGraphs(24), extras, alignments, fc.option(refusals), (drawn, more, alignment, bits) => {
      const graph = graphOf({ ...drawn, extras: more });
      const { table, tensors } = graph;
      // One number per entry of the table: 1 refuses a source.
      const refused = bits === null ? null : Uint8Array.from(table.sources, (_, e) => (bits[e % 60] === 1 ? 1 : 0));
      const isRefused: IsRefused = (node, slot) => {
        const before = node.sources.slice(0, slot).filter((source) => source !== null && source !== node).length;
        return refused?.[table.sourceFirst[tensors.indexOf(node)] + before] === 1;
      };
      const { problem, bufferOf, reused } = analyzeLiveness(table, mode, alignment, null, refused);
      const rows = rowsOf(graph, mode, alignment, isRefused);

      expect(problem.bufferCount).toBe(rows.length);
      expect(problem.stepCount).toBe(Math.max(1, graph.nodes.length));
      expect([problem.sizes, problem.starts, problem.ends].map((column) => [...column])).toEqual([
        rows.map(({ size }) => size),
        rows.map(({ start }) => start),
        rows.map(({ end }) => end),
      ]);
      expect([...problem.alignments]).toEqual(rows.map(() => alignment));
      tensors.forEach((tensor, id) => {
        const row = rows.findIndex(({ owners }) => owners.includes(tensor));
        expect(bufferOf[id]).toBe(row === -1 ? NO_BUFFER : row);
        const place = row === -1 ? 0 : rows[row].owners.indexOf(tensor);
        expect(reused[id]).toBe(place === 0 ? NO_BUFFER : tensors.indexOf(rows[row].owners[place - 1]));
      });
      const { gaps } = problem;
      expect(gaps === null || gaps.starts.length > 0).toBe(true);
      rows.forEach((row, b) => {
        const profile = new Array<number>(row.end - row.start).fill(row.size);
        for (let g = gaps?.first[b] ?? 0; g < (gaps?.first[b + 1] ?? 0); g++) {
          const before = g === gaps!.first[b] ? row.size : gaps!.uppers[g - 1];
          expect([gaps!.lowers[g], gaps!.uppers[g] < before]).toEqual([0, true]);
          expect(gaps!.starts[g]).toBeLessThan(gaps!.ends[g]);
          profile.fill(gaps!.uppers[g], gaps!.starts[g] - row.start, gaps!.ends[g] - row.start);
          seen.shrinks++;
        }
        expect(profile).toEqual(profileOf(row));
      });
      if (refused !== null) seen.refused++;
    }),
    { numRuns: 400 },
  );
  expect(seen.refused).toBeGreaterThan(100);
  if (mode !== 'off') expect(seen.shrinks).toBeGreaterThan(20);
});

/**
 * Right plans, broken on purpose: each kind of damage must be found by the check that claims it, and whatever changes a
 * result must be found by replay. Damage may do no harm (two tensors swapped that are never needed together): whether it
 * does is worked out by brute force. Geometry is stricter than replay in one respect: a leaf that is not marked as an
 * input keeps its bytes from the start, even if it is overwritten before anyone reads it.
 */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/graph/json-reader.js';
import { graphToJson } from '../../src/graph/json.js';
import { findOperation } from '../../src/graph/operations.js';
import { findHazards } from '../../src/liveness/hazards.js';
import { planGraph, type Plan } from '../../src/plan/plan.js';
import { sameLayout } from '../../src/tensor/shape.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { compareExecutions } from '../../src/testing/execute.js';
import { replayPlan } from '../../src/verify/replay.js';
import type { PlanViolation } from '../../src/verify/plan-violation.js';
import { verifyPlan, type PlanToVerify } from '../../src/verify/verify-plan.js';

type Check = 'geometry' | 'replay' | 'execution' | 'hazards';

interface Mutant {
  readonly graph: Graph;
  readonly plan: PlanToVerify;
}

interface MutationClass {
  /** Damages a plan or its graph; null if there is nothing to damage. */
  readonly damage: (graph: Graph, plan: Plan, choose: (count: number) => number) => Mutant | null;
  /** Checks that must find the damage whenever it matters. Replay must find whatever changes a result, in any case. */
  readonly claimedBy: readonly Check[];
  /** The kinds of violation of which geometry must report one; default: any. */
  readonly kinds?: readonly PlanViolation['kind'][];
  /** Whether the damage matters, worked out from the graph and the plan by brute force. Default: always. */
  readonly matters?: (mutant: Mutant) => boolean;
}

const CHECKS: Readonly<Record<Check, (mutant: Mutant) => boolean>> = {
  geometry: ({ graph, plan }) => verifyPlan(graph, plan).length > 0,
  replay: ({ graph, plan }) => replayPlan(graph, plan, { order: 'stated' }).length > 0,
  execution: ({ graph, plan }) => {
    try {
      return compareExecutions(graph, plan).length > 0;
    } catch {
      return true; // no place to run in
    }
  },
  hazards: ({ graph }) => {
    try {
      return findHazards(graph).length > 0;
    } catch {
      return true; // refused: not an order at all
    }
  },
};

function edited(plan: Plan, id: number, change: { offset?: number; chunk?: number }): PlanToVerify {
  const tensors = plan.tensors.map((entry) => (entry.id === id ? { ...entry, ...change } : entry));
  return { ...plan.toJSON(), tensors };
}

/** Storages with bytes. */
function placed({ tensors, graph }: Plan): readonly Plan['tensors'][number][] {
  return tensors.filter(({ id }) => graph.tensors[id].byteLength > 0);
}

/**
 * Steps at which each storage's bytes are needed, by asking every node in turn: the plainest liveness there is. A node's
 * own storage counts from its step on; what is read last by a node is needed up to and including that step.
 */
function neededAt(graph: Graph): Map<Tensor, boolean[]> {
  const count = Math.max(1, graph.nodes.length);
  const needed = new Map<Tensor, boolean[]>();
  for (const owner of graph.tensors.filter((tensor) => !tensor.isView)) {
    const born = graph.leafs.includes(owner) || owner.isInput ? 0 : graph.nodes.indexOf(owner);
    const uses = graph.nodes.flatMap((node, step) => {
      return node.root === owner || node.sources.some((source) => source?.root === owner) ? [step] : [];
    });
    const last = isKept(graph, owner) ? count - 1 : Math.max(born, ...uses);
    needed.set(
      owner,
      Array.from({ length: count }, (_, step) => born <= step && step <= last),
    );
  }
  return needed;
}

/** Whether `young` is computed over `old` by an operation that may do so, and nobody needs `old` later. */
function isLawful(graph: Graph, needed: boolean[], old: Tensor, young: Tensor): boolean {
  const step = graph.nodes.indexOf(young);
  const slots = [...young.sources.keys()].filter((slot) => young.sources[slot]?.root === old);
  if (slots.length === 0 || needed.lastIndexOf(true) !== step || isKept(graph, old)) return false;
  const overwrites = young.inPlaceRule?.operands ?? findOperation(young.op)!.overwrites;
  return slots.every((slot) => {
    const source = young.sources[slot]!;
    return overwrites.includes(slot) && source.viewOffset === 0 && sameLayout(source, young);
  });
}

/** Whether a storage holds an output, or something that nobody reads. */
function isKept(graph: Graph, owner: Tensor): boolean {
  const read = new Set(graph.nodes.flatMap((node) => node.sources.filter((source) => source !== node)));
  return graph.tensors.some((each) => each.root === owner && (each.isOutput || !read.has(each)));
}

/** Whether two storages that are needed at one step share bytes, unless one is lawfully computed over the other. */
function hasConflict({ graph, plan }: Mutant): boolean {
  const needed = neededAt(graph);
  const entries = plan.tensors.filter(({ id }) => graph.tensors[id].byteLength > 0);
  return entries.some((x, i) =>
    entries.slice(i + 1).some((y) => {
      const [a, b] = [graph.tensors[x.id], graph.tensors[y.id]];
      const shares = x.chunk === y.chunk && x.offset < y.offset + b.byteLength && y.offset < x.offset + a.byteLength;
      const meets = needed.get(a)!.some((is, step) => is && needed.get(b)![step]);
      if (!shares || !meets) return false;
      const isSamePlace = x.offset === y.offset;
      return !(isSamePlace && (isLawful(graph, needed.get(a)!, a, b) || isLawful(graph, needed.get(b)!, b, a)));
    }),
  );
}

/** Whether `node` computes something from the bytes of `tensor`. */
function reads(node: Tensor, tensor: Tensor): boolean {
  return findOperation(node.op)?.isView !== true && node !== tensor && node.sources.includes(tensor);
}

/** Whether `node` writes a part of `owner` after that has been computed. */
function writesInto(node: Tensor, owner: Tensor): boolean {
  return node.isView && node.root === owner && findOperation(node.op)?.isView !== true;
}

const COLLISIONS = ['overlap', 'stale-view', 'output-overwritten', 'in-place-not-allowed'] as const;

const CLASSES: Readonly<Record<string, MutationClass>> = {
  'shift an offset': {
    claimedBy: ['geometry'],
    kinds: COLLISIONS,
    matters: hasConflict,
    damage: (graph, plan, choose) => {
      const entries = placed(plan);
      if (entries.length < 2) return null;
      const entry = entries[choose(entries.length)];
      const room = plan.chunks[entry.chunk] - graph.tensors[entry.id].byteLength;
      const offset = choose(Math.floor(room / plan.alignment) + 1) * plan.alignment;
      return offset === entry.offset ? null : { graph, plan: edited(plan, entry.id, { offset }) };
    },
  },
  'swap two offsets': {
    claimedBy: ['geometry'],
    kinds: COLLISIONS,
    matters: hasConflict,
    damage: (graph, plan, choose) => {
      const entries = placed(plan);
      const [a, b] = [entries[choose(entries.length)], entries[choose(entries.length)]];
      if (a.offset === b.offset) return null;
      const fits = ({ id }: typeof a, { offset, chunk }: typeof a): boolean =>
        offset + graph.tensors[id].byteLength <= plan.chunks[chunk];
      if (!fits(a, b) || !fits(b, a)) return null;
      const tensors = plan.tensors.map((entry) => {
        if (entry === a) return { ...entry, offset: b.offset };
        return entry === b ? { ...entry, offset: a.offset } : entry;
      });
      return { graph, plan: { ...plan.toJSON(), tensors } };
    },
  },
  'shorten a live range': {
    claimedBy: ['geometry'],
    kinds: COLLISIONS.filter((kind) => kind !== 'in-place-not-allowed'),
    damage: (graph, plan, choose) => {
      // What is computed while another storage is still needed goes over that storage, as if it were free.
      const needed = neededAt(graph);
      const pairs = placed(plan).flatMap((holder) => {
        return placed(plan).flatMap((newcomer) => {
          const [old, young] = [holder, newcomer].map(({ id }) => graph.tensors[id]);
          const step = graph.nodes.indexOf(young);
          const isLater = needed
            .get(old)!
            .slice(step + 1)
            .some(Boolean);
          const fits = holder.offset + young.byteLength <= plan.chunks[holder.chunk];
          return step > 0 && old !== young && needed.get(old)![step] && isLater && fits ? [{ holder, newcomer }] : [];
        });
      });
      if (pairs.length === 0) return null;
      const { holder, newcomer } = pairs[choose(pairs.length)];
      if (newcomer.offset === holder.offset) return null;
      return { graph, plan: edited(plan, newcomer.id, { offset: holder.offset, chunk: holder.chunk }) };
    },
  },
  'compute over what a view reads': {
    claimedBy: ['geometry', 'replay'],
    kinds: ['stale-view'],
    damage: (graph, plan, choose) => {
      // From then on the storage is read through the view alone, so that only the view knows that it is needed.
      const pairs = placed(plan).flatMap((holder) => {
        const owner = graph.tensors[holder.id];
        if (isKept(graph, owner)) return [];
        return graph.tensors.flatMap((view) => {
          if (view === owner || view.root !== owner || view.byteLength === 0) return [];
          const lastReads = [owner, view].map((tensor) => graph.nodes.findLastIndex((node) => reads(node, tensor)));
          return placed(plan).flatMap((newcomer) => {
            const young = graph.tensors[newcomer.id];
            const step = graph.nodes.indexOf(young);
            const offset = holder.offset + Math.floor(view.viewOffset / plan.alignment) * plan.alignment;
            const isLost = offset + young.byteLength > holder.offset + view.viewOffset;
            const fits = offset + young.byteLength <= plan.chunks[holder.chunk];
            const isLater = step > graph.nodes.indexOf(owner) && !young.isInput;
            const isStale = isLater && lastReads[0] <= step && step < lastReads[1];
            const isRewritten = graph.nodes.some((node, at) => at > step && writesInto(node, owner));
            return isLost && fits && isStale && !isRewritten ? [{ id: newcomer.id, offset, holder }] : [];
          });
        });
      });
      if (pairs.length === 0) return null;
      const { id, offset, holder } = pairs[choose(pairs.length)];
      return { graph, plan: edited(plan, id, { offset, chunk: holder.chunk }) };
    },
  },
  'reuse an output': {
    claimedBy: ['geometry'],
    kinds: ['output-overwritten'],
    damage: (graph, plan, choose) => {
      const outputs = placed(plan).filter(({ id }) => graph.tensors[id].isOutput);
      const pairs = outputs.flatMap((output) => {
        const step = graph.nodes.indexOf(graph.tensors[output.id]);
        return placed(plan)
          .filter(({ id, offset }) => graph.nodes.indexOf(graph.tensors[id]) > step && offset !== output.offset)
          .filter(({ id }) => output.offset + graph.tensors[id].byteLength <= plan.chunks[output.chunk])
          .map(({ id }) => ({ id, output }));
      });
      if (pairs.length === 0) return null;
      const { id, output } = pairs[choose(pairs.length)];
      return { graph, plan: edited(plan, id, { offset: output.offset, chunk: output.chunk }) };
    },
  },
  'go over an operand': {
    claimedBy: ['geometry'],
    kinds: ['in-place-not-allowed', 'overlap'],
    damage: (graph, plan, choose) => {
      // An operand that nobody needs later, but that this operation may not overwrite, or not there.
      const needed = neededAt(graph);
      const pairs = placed(plan).flatMap((newcomer) => {
        const young = graph.tensors[newcomer.id];
        const step = graph.nodes.indexOf(young);
        return placed(plan).flatMap((holder) => {
          const old = graph.tensors[holder.id];
          const isRead = young.sources.some((source) => source?.root === old);
          const fits = holder.offset + young.byteLength <= plan.chunks[holder.chunk];
          const isLast = needed.get(old)!.lastIndexOf(true) === step && !isKept(graph, old);
          const isWrong = isRead && fits && isLast && !isLawful(graph, needed.get(old)!, old, young);
          return isWrong && newcomer.offset !== holder.offset ? [{ holder, newcomer }] : [];
        });
      });
      if (pairs.length === 0) return null;
      const { holder, newcomer } = pairs[choose(pairs.length)];
      return { graph, plan: edited(plan, newcomer.id, { offset: holder.offset, chunk: holder.chunk }) };
    },
  },
  'drop an alignment': {
    claimedBy: ['geometry'],
    kinds: ['misaligned'],
    damage: (graph, plan, choose) => {
      const entries = placed(plan);
      const entry = entries[choose(entries.length)];
      return { graph, plan: edited(plan, entry.id, { offset: entry.offset + plan.alignment / 2 }) };
    },
  },
  'leave the arena': {
    claimedBy: ['geometry', 'replay', 'execution'],
    kinds: ['out-of-arena'],
    damage: (graph, plan, choose) => {
      const entries = placed(plan);
      const { id, chunk } = entries[choose(entries.length)];
      return { graph, plan: edited(plan, id, { offset: plan.chunks[chunk] }) };
    },
  },
  'lose a tensor': {
    claimedBy: ['geometry', 'replay', 'execution'],
    kinds: ['missing'],
    damage: (graph, plan, choose) => {
      const entries = placed(plan);
      const { id } = entries[choose(entries.length)];
      return { graph, plan: { ...plan.toJSON(), tensors: plan.tensors.filter((entry) => entry.id !== id) } };
    },
  },
  'run a node before its source': {
    claimedBy: ['replay'],
    damage: (graph, plan, choose) => {
      const { nodes, leafs, tensors } = graph;
      const pairs = nodes.flatMap((node, step) => {
        const sources = node.sources.map((source) => (source === null ? -1 : nodes.indexOf(source)));
        return sources.filter((source) => source >= 0 && source < step).map((source) => [source, step] as const);
      });
      if (pairs.length === 0) return null;
      const [first, second] = pairs[choose(pairs.length)];
      const order = [...nodes];
      [order[first], order[second]] = [order[second], order[first]];
      return { graph: new Graph({ leafs, nodes: order, tensors }), plan };
    },
  },
  'reorder two nodes': {
    claimedBy: ['geometry'],
    kinds: COLLISIONS,
    matters: hasConflict,
    damage: (graph, plan, choose) => {
      const { nodes, leafs, tensors } = graph;
      // A node moves forward as far as its sources let it: valid, but not what was planned.
      const moves = nodes.flatMap((node, step) => {
        const needs = [...node.sources, node.destination, node.isView ? node.root : null];
        const earliest = Math.max(0, ...needs.map((need) => (need === null ? 0 : nodes.indexOf(need) + 1)));
        const overwrites = node.isView;
        return !overwrites && earliest < step ? [{ step, earliest }] : [];
      });
      if (moves.length === 0) return null;
      const { step, earliest } = moves[choose(moves.length)];
      const order = [...nodes];
      order.splice(earliest, 0, ...order.splice(step, 1));
      return { graph: new Graph({ leafs, nodes: order, tensors }), plan };
    },
  },
  'forget a dependency': {
    claimedBy: ['replay', 'hazards'],
    damage: (graph, plan, choose) => {
      // The source that only orders becomes the tensor itself; the cache's write is a result, so it stays.
      const json = graphToJson(graph);
      const overwriters = new Set(
        graph.nodes.filter((node) => node.isView && !/VIEW|RESHAPE|PERMUTE|TRANSPOSE|DEPENDENCY/.test(node.op)),
      );
      const isNeeded = (id: number): boolean => {
        const [, after] = json.tensors[id].src!;
        const reader = json.tensors.some(({ op, src = [] }) => src.includes(id) && op !== 'NONE');
        const dependency = graph.tensors[id];
        const before = graph.tensors[after];
        return reader && overwriters.has(before) && before.root === dependency.root;
      };
      const ids = json.tensors.flatMap(({ op }, id) => (op === 'DEPENDENCY' && isNeeded(id) ? [id] : []));
      if (ids.length === 0) return null;
      const row = json.tensors[ids[choose(ids.length)]];
      row.src = [row.src![0], row.src![0]];
      return { graph: graphFromJson(json), plan };
    },
    matters: ({ graph }) => accessesOfOneStorage(graph).some(([first, second]) => !reaches(graph, first, second)),
  },
};

/** Pairs of nodes, the earlier first, that touch the same bytes, one of them writing; byte by byte. */
function accessesOfOneStorage(graph: Graph): [Tensor, Tensor][] {
  const isPureView = (node: Tensor): boolean => /^(VIEW|RESHAPE|PERMUTE|TRANSPOSE|DEPENDENCY)$/.test(node.op);
  const bytesOf = ({ ne, nb, type, viewOffset }: Tensor): Set<number> => {
    const bytes = new Set<number>();
    for (let i = 0; i < ne[0] * ne[1] * ne[2] * ne[3]; i++) {
      const at = [i % ne[0], Math.floor(i / ne[0]) % ne[1], Math.floor(i / ne[0] / ne[1]) % ne[2]];
      const start = viewOffset + at.reduce((sum, index, dim) => sum + index * nb[dim], 0);
      for (let byte = start; byte < start + type.blockBytes; byte++) bytes.add(byte);
    }
    return bytes;
  };
  const written = new Set(graph.nodes.filter((node) => node.isView && !isPureView(node)).map((node) => node.root));
  const touches = graph.nodes.flatMap((node) => {
    if (isPureView(node)) return [];
    const reads = node.sources.flatMap((source) => {
      const isTarget = node.isView && source?.root === node.root && source.viewOffset === node.viewOffset;
      return source !== null && !isTarget && written.has(source.root) ? [{ node, tensor: source, isWrite: false }] : [];
    });
    return written.has(node.root) ? [...reads, { node, tensor: node, isWrite: true }] : reads;
  });
  return touches.flatMap((later, i) =>
    touches.slice(0, i).flatMap((earlier): [Tensor, Tensor][] => {
      if (earlier.node === later.node || earlier.tensor.root !== later.tensor.root) return [];
      if (!earlier.isWrite && !later.isWrite) return [];
      const bytes = bytesOf(earlier.tensor);
      return [...bytesOf(later.tensor)].some((byte) => bytes.has(byte)) ? [[earlier.node, later.node]] : [];
    }),
  );
}

function reaches(graph: Graph, first: Tensor, second: Tensor): boolean {
  if (first === second) return true;
  return [...second.sources, second.destination].some((need) => {
    return need !== null && need !== second && graph.nodes.includes(need) && reaches(graph, first, need);
  });
}

/** The places alone: what a plan says of sizes and live ranges could give the damage away. */
function withoutStatements(mutant: Mutant | null): Mutant | null {
  if (mutant === null) return null;
  const { alignment, bufferSize, chunks, tensors } = mutant.plan;
  const places = tensors.map(({ id, chunk, offset }) => ({ id, chunk, offset }));
  return { graph: mutant.graph, plan: { alignment, bufferSize, chunks, tensors: places } };
}

const rows: string[] = [];
/** Graphs per class; not every one of them has what a class damages. */
const RUNS = 400;

describe('plans broken on purpose', () => {
  it.each(Object.entries(CLASSES))('%s', (name, { damage, claimedBy, kinds, matters = () => true }) => {
    const tally = { tried: 0, mattering: 0, geometry: 0, replay: 0, execution: 0, hazards: 0, any: 0 };
    fc.assert(
      fc.property(
        arbitraryGraph({ maxMoves: 10 }),
        fc.constantFrom('off' as const, 'full' as const),
        fc.infiniteStream(fc.nat()),
        (graph, inPlace, numbers) => {
          const plan = planGraph(graph, { inPlace });
          if (placed(plan).length === 0) return;
          expect(hasConflict({ graph, plan })).toBe(false);
          const mutant = withoutStatements(damage(graph, plan, (count) => numbers.next().value % count));
          if (mutant === null) return;
          tally.tried++;
          const found = (Object.keys(CHECKS) as Check[]).filter((check) => CHECKS[check](mutant));
          for (const check of found) tally[check]++;
          if (found.length > 0) tally.any++;
          if (found.includes('execution')) expect(found).toContain('replay');
          if (!matters(mutant)) return;
          tally.mattering++;
          expect(found).toEqual(expect.arrayContaining([...claimedBy]));
          if (!claimedBy.includes('geometry')) return;
          const said = verifyPlan(mutant.graph, mutant.plan).map(({ kind }) => kind);
          expect(
            said.some((kind) => kinds?.includes(kind) ?? true),
            said.join(),
          ).toBe(true);
        },
      ),
      { numRuns: RUNS },
    );
    const { tried, mattering, geometry, replay, execution, hazards, any } = tally;
    rows.push(
      [
        name.padEnd(30),
        ...[tried, mattering, any, geometry, replay, execution, hazards].map((n) => String(n).padStart(10)),
      ].join(''),
    );
    expect(tally.mattering).toBeGreaterThan(RUNS / 20);
  });

  afterAll(() => {
    const head = ['tried', 'mattering', 'caught', 'geometry', 'replay', 'execution', 'hazards'];
    console.log([`${'damage'.padEnd(30)}${head.map((each) => each.padStart(10)).join('')}`, ...rows].join('\n'));
  });
});

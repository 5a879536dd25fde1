/**
 * Ways to break a right plan, or its graph, and which check claims to find each.
 */
import { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/graph/json-reader.js';
import { graphToJson } from '../../src/graph/json.js';
import { planGraph, type Plan } from '../../src/plan/plan.js';
import type { PlanViolation } from '../../src/verify/plan-violation.js';
import type { PlanLike } from '../../src/verify/plan-like.js';
import {
  accessesOfOneStorage,
  hasConflict,
  isKept,
  isLawful,
  neededAt,
  reaches,
  reads,
  writesInto,
  type Mutant,
} from './plan-truth.js';

export type Check = 'geometry' | 'replay' | 'execution' | 'hazards';

export interface MutationClass {
  /** Damages a plan or its graph; null if there is nothing to damage. */
  readonly damage: (graph: Graph, plan: Plan, choose: (count: number) => number) => Mutant | null;
  /** Checks that must find the damage whenever it matters. Replay must find whatever changes a result, in any case. */
  readonly claimedBy: readonly Check[];
  /** The kinds of violation of which geometry must report one; default: any. */
  readonly kinds?: readonly PlanViolation['kind'][];
  /** Whether the damage matters, worked out from the graph and the plan by brute force. Default: always. */
  readonly matters?: (mutant: Mutant) => boolean;
}

function edited(plan: Plan, id: number, change: { offset?: number; chunk?: number }): PlanLike {
  const tensors = plan.tensors.map((entry) => (entry.id === id ? { ...entry, ...change } : entry));
  return { ...plan.toJSON(), tensors };
}

/** Storages with bytes. */
export function placed({ tensors, graph }: Plan): readonly Plan['tensors'][number][] {
  return tensors.filter(({ id }) => graph.tensors[id].byteLength > 0);
}

const COLLISIONS = ['overlap', 'stale-view', 'output-overwritten', 'in-place-not-allowed'] as const;

export const CLASSES: Readonly<Record<string, MutationClass>> = {
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
            const isLater = step > graph.nodes.indexOf(owner) && !graph.inputs.has(young);
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
      const outputs = placed(plan).filter(({ id }) => graph.outputs.has(graph.tensors[id]));
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
  'plan for less alignment': {
    claimedBy: ['geometry'],
    kinds: ['misaligned'],
    damage: (graph, _, choose) => {
      const careless = planGraph(graph, { alignment: 2 ** choose(5) });
      return careless.tensors.some(({ offset }) => offset % 32 !== 0) ? { graph, plan: careless } : null;
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

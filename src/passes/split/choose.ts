/**
 * Which regions of a graph to compute in parts, so that its peaks become low.
 *
 * From the highest step on, each step above the limit asks for a region that holds one of the storages that are live there:
 * of those that come below the limit the cheapest, else the one that comes lowest, which is the limit from then on.
 *
 * Invariant: no node is in two regions; every region is possible, and all together keep to what they may cost.
 */
import type { Graph } from '../../graph/graph.js';
import { isPureView } from '../../graph/node-kind.js';
import type { Slice } from '../../tensor/slice.js';
import { costOfParts, type Cost } from './cost.js';
import { needsOf } from './needs.js';
import { canWait, closed, growth, partsOf, type Divisible, type Region } from './region.js';
import type { Rewriter } from './rewrite.js';
import type { Timeline } from './timeline.js';

/** Steps behind and before a peak at which a region may end and begin. */
const REACH = 64;
/** Regions that are looked at with other sizes of parts, per peak. */
const KEPT = 16;
/** Parts that a region may be cut into. */
const PART_COUNTS = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
/** Parts by which regions are compared at first. */
const FIRST_COUNTS = [8, 4, 2];
/** A region must bring a peak below this share of what it was. */
const WORTHWHILE = 0.99;

interface Candidate {
  readonly region: Region;
  /** Bytes. */
  readonly peak: number;
  /** As if all parts were like the middle one. */
  readonly cost: Cost;
}

/** A region by how far before a step each of its nodes is. */
interface Pattern {
  readonly distances: readonly number[];
  readonly dim: number;
  readonly size: number;
}

/** What may still be spent. */
export interface Allowance {
  readonly operations: number;
  readonly bytes: number;
}

export class Chooser {
  readonly #graph: Graph;
  readonly #timeline: Timeline;
  readonly #can: Divisible;
  readonly #rewriter: Rewriter;
  /** What candidates really cost; null if they are impossible. */
  readonly #costs = new Map<Region, Cost | null>();
  readonly #candidates = new Map<number, readonly Candidate[]>();
  /** By what stands around a step: layers of a model are alike. */
  readonly #patterns = new Map<string, readonly Pattern[]>();
  readonly #kinds: readonly number[];

  constructor(timeline: Timeline, can: Divisible, rewriter: Rewriter) {
    this.#graph = timeline.graph;
    this.#timeline = timeline;
    this.#can = can;
    this.#rewriter = rewriter;
    this.#kinds = kindsOf(this.#graph, can);
  }

  /** @param loads live bytes at each step @param limit bytes that need not be undercut */
  choose(loads: Float64Array, limit: number, allowance: Allowance): { regions: Region[]; limit: number; cost: Cost } {
    const order = Array.from(loads.keys()).sort((a, b) => loads[b] - loads[a] || a - b);
    const owners = new Uint8Array(loads.length);
    const regions: Region[] = [];
    let [operations, bytes] = [0, 0];
    let least = limit;
    for (const step of order) {
      if (loads[step] <= least) break;
      if (regions.some((region) => this.#timeline.holdsAt(region.steps, step))) continue;
      const left = { operations: allowance.operations - operations, bytes: allowance.bytes - bytes };
      const found = this.#bestAt(step, least, loads[step] * WORTHWHILE, left, owners);
      if (found === null) {
        least = loads[step];
        continue;
      }
      least = Math.max(least, found.peak);
      regions.push(found.region);
      operations += found.cost.operations;
      bytes += found.cost.bytes;
      for (const each of found.region.steps) owners[each] = 1;
    }
    return { regions, limit: least, cost: { operations, bytes } };
  }

  #bestAt(
    step: number,
    limit: number,
    ceiling: number,
    left: Allowance,
    owners: Uint8Array,
  ): (Candidate & { readonly cost: Cost }) | null {
    const isAffordable = ({ operations, bytes }: Cost): boolean => operations <= left.operations && bytes <= left.bytes;
    const refused = new Set<Candidate>();
    for (;;) {
      let best: Candidate | null = null;
      for (const candidate of this.#candidatesAt(step)) {
        if (candidate.peak >= ceiling || refused.has(candidate) || !isAffordable(candidate.cost)) continue;
        if (best !== null && !isBetter(candidate, best, limit)) continue;
        if (candidate.region.steps.every((each) => owners[each] === 0)) best = candidate;
      }
      if (best === null) return null;
      const cost = this.#costOf(best.region);
      if (cost !== null && isAffordable(cost)) return { ...best, cost };
      refused.add(best);
    }
  }

  #costOf(region: Region): Cost | null {
    let cost = this.#costs.get(region);
    if (cost === undefined) this.#costs.set(region, (cost = this.#rewriter.plan(region)));
    return cost;
  }

  /** Regions that hold something at a step. */
  #candidatesAt(step: number): readonly Candidate[] {
    let found = this.#candidates.get(step);
    if (found === undefined) {
      found = this.#patternsAt(step).flatMap((pattern) => this.#resized(step, pattern));
      this.#candidates.set(step, found);
    }
    return found;
  }

  #patternsAt(step: number): readonly Pattern[] {
    const key = `${Math.min(step, REACH)}: ${this.#kinds.slice(Math.max(0, step - REACH), step + REACH + 1).join()}`;
    let found = this.#patterns.get(key);
    if (found === undefined) {
      found = this.#firstCandidates(step)
        .slice(0, KEPT)
        .map(({ region: { steps, dim, size } }) => ({ distances: steps.map((each) => step - each), dim, size }));
      this.#patterns.set(key, found);
    }
    return found;
  }

  #firstCandidates(step: number): Candidate[] {
    const { nodes } = this.#graph;
    const found = new Map<string, Candidate>();
    const last = Math.min(nodes.length - 1, step + REACH);
    for (let end = step; end <= last; end++) {
      if (this.#can.end[end] === 0) continue;
      nodes[end].shape.forEach((length, dim) => {
        for (const count of FIRST_COUNTS) {
          if (length < count) continue;
          const size = Math.ceil(length / count);
          const steps = growth(
            this.#graph,
            this.#can,
            end,
            { dim, from: size, to: Math.min(length, 2 * size) },
            step - REACH,
          );
          if (steps.length < 2) continue;
          this.#addCuts(steps, step, { dim, size }, found);
          break;
        }
      });
    }
    return [...found.values()].sort((a, b) => a.peak - b.peak);
  }

  /** The region that has grown, cut off at each of its nodes. */
  #addCuts(
    steps: readonly number[],
    step: number,
    { dim, size }: Pick<Region, 'dim' | 'size'>,
    found: Map<string, Candidate>,
  ): void {
    for (let count = 2; count <= steps.length; count++) {
      if (steps[count - 1] > step || isPureView(this.#graph.nodes[steps[count - 1]])) continue;
      const inside = closed(this.#graph, steps.slice(0, count));
      const key = `${inside.join()} ${dim}`;
      if (inside.length < 2 || found.has(key) || !this.#timeline.holdsAt(inside, step)) continue;
      const candidate = this.#candidate(inside, dim, size);
      if (candidate !== null) found.set(key, candidate);
    }
  }

  #candidate(steps: readonly number[], dim: number, size: number): Candidate | null {
    const nodes = steps.map((step) => this.#graph.nodes[step]);
    const region: Region = { nodes, steps, dim, size };
    const needs = needsOf(nodes, middleOf(region));
    if (needs === null) return null;
    const count = Math.ceil(nodes[nodes.length - 1].shape[dim] / size);
    return { region, peak: this.#timeline.peakOf(steps, needs, false), cost: costOfParts(nodes, needs, count) };
  }

  #resized(step: number, { distances, dim }: Pattern): Candidate[] {
    const steps = distances.map((distance) => step - distance);
    if (steps[0] < 0 || steps[steps.length - 1] >= this.#graph.nodes.length || !canWait(this.#graph, steps)) return [];
    const length = this.#graph.nodes[steps[steps.length - 1]].shape[dim];
    const sizes = new Set(PART_COUNTS.filter((count) => count <= length).map((count) => Math.ceil(length / count)));
    return [...sizes].flatMap((size) => this.#candidate(steps, dim, size) ?? []);
  }
}

/** A part that has neighbours on both sides, if there is one. */
function middleOf(region: Region): Slice {
  const parts = partsOf(region);
  return parts[Math.floor((parts.length - 1) / 2)];
}

/** Below the limit the cheaper one counts, above it the lower one. */
function isBetter(a: Candidate, b: Candidate, limit: number): boolean {
  const [peakOfA, peakOfB] = [Math.max(a.peak, limit), Math.max(b.peak, limit)];
  if (peakOfA !== peakOfB) return peakOfA < peakOfB;
  return (
    a.cost.operations < b.cost.operations || (a.cost.operations === b.cost.operations && a.cost.bytes < b.cost.bytes)
  );
}

/** By step, a number that is the same for nodes that are alike: operation, layout, and where what they read is made. */
function kindsOf({ table, tensors, nodes }: Graph, { inside, end }: Divisible): number[] {
  const numbers = new Map<string, number>();
  return nodes.map((node, step) => {
    const id = table.nodes[step];
    const facts: unknown[] = [
      inside[step],
      end[step],
      node.op,
      node.type.name,
      node.shape,
      table.uses[id],
      table.traits[id],
      node.params,
    ];
    for (let entry = table.sourceFirst[id]; entry < table.sourceFirst[id + 1]; entry++) {
      const source = table.sources[entry];
      const { shape, strides } = tensors[source];
      const made = table.steps[source];
      facts.push(shape, strides, made === -1 ? -1 : step - made);
    }
    const key = JSON.stringify(facts);
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  });
}

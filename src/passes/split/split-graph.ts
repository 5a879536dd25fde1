/**
 * Regions of a graph computed part by part, so that what lies between is never whole.
 *
 * Invariant: the result computes what the given graph does, bit by bit, and never needs more bytes.
 */
import { dialectOf } from '../../dialects/dialects.js';
import { checkArgument } from '../../errors.js';
import { checkGraph, type Graph } from '../../graph/graph.js';
import { groupsOf } from '../../liveness/groups.js';
import { analyzeLiveness } from '../../liveness/liveness.js';
import { rejectUnplannable } from '../../plan/measure.js';
import type { ResolvedOptions } from '../../plan/options.js';
import { liveBytesPerStep } from '../../problem/lower-bound.js';
import type { Slice } from '../../tensor/slice.js';
import { Chooser } from './choose.js';
import { operationsOf } from '../operations.js';
import type { Cost } from './cost.js';
import { resolveSplitOptions, type ResolvedSplitOptions, type SplitGraph, type SplitOptions } from './options.js';
import { divisibleNodes, type Region } from './region.js';
import { Rewriter, type Rewriting } from './rewrite.js';
import { Timeline } from './timeline.js';

/**
 * Computes regions of `graph` in parts, along a dimension that all their operations allow: tokens, heads, rows of an image.
 * Each part writes its slice straight into the result; nothing is joined afterwards. What a part holds besides exists only
 * while the part is computed.
 *
 * Every element is computed by the same arithmetic in the same order, so results are the same bits. Parts read operands such
 * as weights once each (`rereadBytes`); rows that two parts of a convolution need are computed twice (`extraOps`).
 *
 * Operations that do not say how they are cut stay whole: so far those of ggml say it. O(steps² · nodes of a region) in the
 * worst case; about a second for the graph of a language model.
 *
 * @throws PlannerError `BAD_ARGUMENT`, also for a graph that names several memories; `BAD_ALIGNMENT`; `HAZARD` as
 * `measureGraph`; `BYTES_TOO_LARGE`
 * @example
 * ```ts
 * import { Context, Graph } from 'tensor-arena';
 * import { splitGraph, verifyEquivalent } from 'tensor-arena/passes';
 * const ctx = Context.deferred();
 * const x = ctx.setInput(ctx.newTensor('f32', [64, 512]));
 * const wide = ctx.gelu(ctx.mulMat(ctx.newTensor('f32', [64, 1024]), x)); // 2 MB
 * const graph = Graph.forward(ctx.setOutput(ctx.mulMat(ctx.newTensor('f32', [1024, 64]), wide)));
 * const split = splitGraph(graph);
 * console.log(split.peak < split.peakBefore / 2, split.extraOps); // true 0
 * console.log(verifyEquivalent(graph, split).length); // 0
 * ```
 */
export function splitGraph(graph: Graph, options: SplitOptions = {}): SplitGraph {
  checkGraph(graph);
  const resolved = resolveSplitOptions(options);
  const remedy = 'Split it before it is spread over devices.';
  checkArgument(graph.pools === null, 'memories of the graph', graph.pools?.list.length, 'one', remedy);
  rejectUnplannable(graph, resolved.planning);
  return new Splitting(graph, resolved).run();
}

/** How much more than the least is as good: the last bytes cost the most parts. */
const SLACK = 1.02;
/** How often a graph is split again, at what is the peak then. */
const MOST_ROUNDS = 8;

interface State extends Rewriting {
  readonly loads: Float64Array;
  readonly peak: number;
  readonly cost: Cost;
  readonly regionCount: number;
}

class Splitting {
  readonly #graph: Graph;
  readonly #options: ResolvedSplitOptions;
  readonly #operations: number;

  constructor(graph: Graph, options: ResolvedSplitOptions) {
    this.#graph = graph;
    this.#options = options;
    this.#operations = graph.nodes.reduce((sum, node) => sum + operationsOf(node), 0);
  }

  run(): SplitGraph {
    const start = this.#stateOf(
      {
        graph: this.#graph,
        origin: Int32Array.from(this.#graph.tensors.keys()),
        slices: this.#graph.tensors.map(() => null),
      },
      { operations: 0, bytes: 0 },
      0,
    );
    const { budget } = this.#options;
    const streamed = this.#options.streamOutputs ? this.#stream(start) : start;
    const lowest = this.#lower(streamed, budget);
    // Once the peak is known, what does not decide it may be cheaper.
    const enough = Math.max(budget, SLACK * lowest.peak);
    const cheapest = lowest.peak > budget && lowest !== streamed ? this.#lower(streamed, enough) : lowest;
    const best = cheapest.peak <= enough ? cheapest : lowest;
    const { peak, cost, regionCount, graph, origin, slices } = best;
    return {
      graph,
      origin,
      slices,
      peak,
      peakBefore: start.peak,
      regionCount,
      extraOps: this.#operations === 0 ? 0 : cost.operations / this.#operations,
      rereadBytes: cost.bytes,
    };
  }

  #stateOf(rewriting: Rewriting, cost: Cost, regionCount: number): State {
    const loads = loadsOf(rewriting.graph, this.#options.planning);
    return { ...rewriting, loads, peak: loads.reduce((a, b) => Math.max(a, b), 0), cost, regionCount };
  }

  #lower(start: State, limit: number): State {
    const { maxExtraOps, maxRereadBytes, planning } = this.#options;
    let best = start;
    let state = start;
    for (let round = 0; round < MOST_ROUNDS && state.peak > limit; round++) {
      const { graph, loads, cost } = state;
      const isWhole = Uint8Array.from(state.slices, (slice, id) => (slice === null && state.origin[id] !== -1 ? 1 : 0));
      const rewriter = this.#rewriterOf(graph);
      if (rewriter === null) return best;
      const timeline = new Timeline(graph, planning.alignment, planning.reuse !== 'off');
      const chooser = new Chooser(timeline, divisibleNodes(graph, isWhole), rewriter);
      const allowance = {
        operations: maxExtraOps * this.#operations - cost.operations,
        bytes: maxRereadBytes - cost.bytes,
      };
      const lowest = chooser.choose(loads, limit, allowance);
      const chosen = chooser.choose(loads, lowest.limit, allowance);
      if (chosen.regions.length === 0) break;
      state = this.#apply(state, rewriter, chosen.regions, chosen.cost);
      if (state.peak >= best.peak) break;
      best = state;
    }
    return best;
  }

  #rewriterOf(graph: Graph): Rewriter | null {
    const [dialect, ...others] = new Set(graph.tensors.map(({ origin }) => origin.dialect));
    if (dialect === undefined || others.length > 0) return null;
    const known = dialectOf(dialect);
    return known.parts === null ? null : new Rewriter(graph, known);
  }

  #apply(state: State, rewriter: Rewriter, regions: readonly Region[], cost: Cost): State {
    const next = rewriter.rewrite(regions, new Set());
    const total = { operations: state.cost.operations + cost.operations, bytes: state.cost.bytes + cost.bytes };
    return this.#stateOf(composed(state, next), total, state.regionCount + regions.length);
  }

  /** Outputs that nobody reads are written into memory of the caller. */
  #stream(state: State): State {
    const { graph } = state;
    const { table, nodes, outputs } = graph;
    const rewriter = this.#rewriterOf(graph);
    if (rewriter === null) return state;
    const can = divisibleNodes(graph, new Uint8Array(graph.tensors.length).fill(1));
    const regions = nodes.flatMap((node, step): Region[] => {
      if (!outputs.has(node) || can.end[step] === 0 || table.uses[table.nodes[step]] > 0) return [];
      const dim = node.shape.length - 1;
      return [{ nodes: [node], steps: [step], dim, size: node.shape[dim] }];
    });
    if (regions.length === 0) return state;
    const next = rewriter.rewrite(regions, new Set(regions.map(({ nodes: [node] }) => node)));
    return this.#stateOf(composed(state, next), state.cost, state.regionCount);
  }
}

/** What has become of the tensors of a graph by two rewritings. */
function composed(first: Rewriting, second: Rewriting): Rewriting {
  const slices = second.origin.reduce<(Slice | null)[]>((list, id, index) => {
    list.push(second.slices[index] ?? (id === -1 ? null : first.slices[id]));
    return list;
  }, []);
  return {
    graph: second.graph,
    origin: second.origin.map((id) => (id === -1 ? -1 : first.origin[id])),
    slices,
  };
}

function loadsOf(graph: Graph, { alignment, reuse, runtime }: ResolvedOptions): Float64Array {
  const { problem } = analyzeLiveness(graph.table, reuse, alignment, groupsOf(graph, runtime));
  return liveBytesPerStep(problem);
}

/**
 * When each storage of a graph is live, and so what a region needs while its parts are computed.
 *
 * Invariant: an estimate, without reuse outside of regions; what a graph really needs is measured once it is made.
 */
import type { Graph } from '../../graph/graph.js';
import { isPureView } from '../../graph/node-kind.js';
import { isPlanned, TRAIT } from '../../graph/table.js';
import { storageEndsOf } from '../../liveness/liveness.js';
import { slicedShape } from '../../tensor/slice.js';
import type { Tensor } from '../../tensor/tensor.js';
import { alignUp } from '../../units.js';
import { elementBytes } from './cost.js';
import type { Needs } from './needs.js';

export class Timeline {
  readonly graph: Graph;
  readonly #alignment: number;
  readonly #isReused: boolean;
  /** One past the last step that reads each storage, by the id of its root. */
  readonly #ends: Int32Array;
  /** Bytes that are live at each step, a result beside what it is computed of. */
  readonly #loads: Float64Array;

  constructor(graph: Graph, alignment: number, isReused: boolean) {
    this.graph = graph;
    this.#alignment = alignment;
    this.#isReused = isReused;
    const { table } = graph;
    this.#ends = storageEndsOf(table);
    const changes = new Float64Array(table.nodes.length + 2);
    for (let id = 0; id < table.tensorCount; id++) {
      if (!this.#owns(id)) continue;
      const start = this.#startOf(id);
      changes[start] += this.#sizeOf(id);
      changes[Math.max(start + 1, this.#ends[id])] -= this.#sizeOf(id);
    }
    for (let step = 1; step < changes.length; step++) changes[step] += changes[step - 1];
    this.#loads = changes;
  }

  #owns(id: number): boolean {
    return isPlanned(this.graph.table.traits[id]);
  }

  #startOf(id: number): number {
    const { traits, steps } = this.graph.table;
    return traits[id] % TRAIT.kept >= TRAIT.input ? 0 : Math.max(0, steps[id]);
  }

  #sizeOf(id: number): number {
    return alignUp(this.graph.table.sizes[id], this.#alignment);
  }

  /** Bytes that are needed while the parts of a region are computed, if they are like the one with these needs. */
  peakOf(steps: readonly number[], needs: Needs, isStreamed: boolean): number {
    const { table, nodes } = this.graph;
    const end = steps[steps.length - 1];
    const inside = new Set(steps.map((step) => table.roots[table.nodes[step]]));
    let load = this.#loads[end];
    if (isStreamed) load -= this.#sizeOf(table.nodes[end]);
    const counted = new Set<number>();
    for (const step of steps) {
      for (
        let entry = table.sourceFirst[table.nodes[step]];
        entry < table.sourceFirst[table.nodes[step] + 1];
        entry++
      ) {
        const root = table.roots[table.sources[entry]];
        if (counted.has(root)) continue;
        counted.add(root);
        const isLive = this.#ends[root] > end;
        if (inside.has(root)) load -= isLive ? this.#sizeOf(root) : 0;
        else if (!isLive && this.#owns(root)) load += this.#sizeOf(root);
      }
    }
    return (
      load +
      this.#insideOf(
        steps.map((step) => nodes[step]),
        needs,
      )
    );
  }

  /** The most bytes that a part's own storages take at once. */
  #insideOf(nodes: readonly Tensor[], needs: Needs): number {
    const last = new Map<Tensor, number>();
    nodes.forEach((node, index) => {
      for (const source of node.sources) if (source !== null) last.set(source.root, index);
    });
    const sizes = new Map<Tensor, number>();
    let [live, most] = [0, 0];
    nodes.forEach((node, index) => {
      const { slice, cut } = needs.get(node)!;
      const isMade = !node.isView && index < nodes.length - 1;
      let size = 0;
      if (isMade) {
        const { before = 0, after = 0 } = cut;
        const shape = slicedShape(node.shape, { ...slice, from: slice.from - before, to: slice.to + after });
        size = alignUp(elementBytes({ type: node.type, shape }), this.#alignment);
        sizes.set(node, size);
        live += size;
      }
      const dying = new Set(
        node.sources.flatMap((source) => (source !== null && last.get(source.root) === index ? [source.root] : [])),
      );
      const reused = this.#isReused && isMade && !isPureView(node) ? this.#reusedBy(node, size, dying, sizes) : 0;
      most = Math.max(most, live - reused);
      for (const root of dying) live -= sizes.get(root) ?? 0;
    });
    return most;
  }

  #reusedBy(node: Tensor, size: number, dying: ReadonlySet<Tensor>, sizes: ReadonlyMap<Tensor, number>): number {
    const can = node.overwritableSlots.some((slot) => {
      const source = node.sources[slot] ?? null;
      return source !== null && dying.has(source.root) && sizes.get(source.root) === size;
    });
    return can ? size : 0;
  }

  /** Whether a region has a storage of its own that is live at a step. */
  holdsAt(steps: readonly number[], step: number): boolean {
    const { table } = this.graph;
    return steps.some((each, index) => {
      const id = table.nodes[each];
      return index < steps.length - 1 && table.roots[id] === id && each <= step && this.#ends[id] > step;
    });
  }
}

/**
 * Which views of a storage are read after another tensor was computed over some of its bytes?
 *
 *     step            0    1    2    3    4      `y` itself is read last at step 1, `rows`, a view of it, at step 4:
 *     y  [0, 128)     █████████▒▒▒▒▒▒▒▒▒▒▒      a tensor computed over the rows at step 2 makes that read stale.
 *     rows [64, 128)            ▒▒▒▒▒▒▒▒▒▒▒
 *     z  [96, 224)              !!!!!!!!
 *
 * Invariant: a view is taken as a whole, from its first byte to its last. Operations that compute nothing (a view, a
 * dependency) read nothing.
 */
import type { Graph } from '../graph/graph.js';
import { isPureView } from '../graph/node-kind.js';
import type { Tensor } from '../tensor/tensor.js';

/** A view that is read although it has lost bytes. */
export interface StaleView {
  readonly view: Tensor;
  readonly id: number;
  /** The last step at which the view is read. */
  readonly step: number;
  /** First and one past the last of the lost bytes, within the chunk. */
  readonly bytes: readonly [number, number];
}

export class ViewReads {
  /** The last step at which each tensor is read, by the root of the tensor. */
  readonly #lastReads = new Map<Tensor, Map<Tensor, number>>();
  readonly #ids: ReadonlyMap<Tensor, number>;

  constructor({ nodes, tensors }: Graph) {
    this.#ids = new Map(tensors.map((tensor, id) => [tensor, id]));
    nodes.forEach((node, step) => {
      if (isPureView(node)) return;
      for (const source of node.sources) {
        if (source === null || source === node) continue;
        let reads = this.#lastReads.get(source.root);
        if (reads === undefined) this.#lastReads.set(source.root, (reads = new Map<Tensor, number>()));
        reads.set(source, step);
      }
    });
  }

  /**
   * The views of `owner`, whose first byte is `bottom`, that are read after `step` and have bytes within `[from, to)`;
   * none if `owner` is read itself after that step.
   */
  after(step: number, owner: Tensor, bottom: number, from: number, to: number): StaleView[] {
    const reads = this.#lastReads.get(owner);
    if (reads === undefined || (reads.get(owner) ?? -1) > step) return [];
    const stale: StaleView[] = [];
    for (const [view, lastStep] of reads) {
      if (lastStep <= step) continue;
      const first = Math.max(from, bottom + view.viewOffset);
      const end = Math.min(to, bottom + view.viewOffset + view.byteLength);
      if (first < end) stale.push({ view, id: this.#ids.get(view)!, step: lastStep, bytes: [first, end] });
    }
    return stale;
  }
}

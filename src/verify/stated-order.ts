/**
 * Which nodes touch the same bytes, one of them writing, without a path of sources, destinations or dependencies that
 * puts one before the other.
 *
 * Invariant: only storages that some node overwrites are looked at; all others are written once, by their owner. Byte
 * ranges are exact, whatever the strides.
 */
import type { Graph } from '../graph/graph.js';
import { findOperation } from '../graph/operations.js';
import type { Tensor } from '../tensor/tensor.js';
import { forEachSpan } from './spans.js';

interface Access {
  readonly node: Tensor;
  /** What is read, or the node itself where it writes. */
  readonly tensor: Tensor;
  readonly isWrite: boolean;
}

type Report = (other: Tensor, tensor: Tensor, bytes: readonly [number, number]) => void;

export class StatedOrder {
  /** What was done to each storage that is overwritten at some time. */
  readonly #accesses = new Map<Tensor, Access[]>();
  readonly #steps: ReadonlyMap<Tensor, number>;

  constructor({ nodes }: Graph) {
    this.#steps = new Map(nodes.map((node, step) => [node, step]));
    for (const node of nodes) if (node.isView && !isPureView(node)) this.#accesses.set(node.root, []);
  }

  /** Reports every earlier node that `node` should have been ordered after; to be called once per node, in order. */
  visit(node: Tensor, report: Report): void {
    const isWrite = node.isView;
    for (const source of node.sources) {
      const isTarget = isWrite && source?.root === node.root && source.viewOffset === node.viewOffset;
      if (source !== null && source !== node && !isTarget)
        this.#access({ node, tensor: source, isWrite: false }, report);
    }
    this.#access({ node, tensor: node, isWrite: true }, report);
  }

  #access(access: Access, report: Report): void {
    const accesses = this.#accesses.get(access.tensor.root);
    if (accesses === undefined) return;
    const reported = new Set<Tensor>();
    for (const earlier of accesses) {
      const { node } = earlier;
      if ((!earlier.isWrite && !access.isWrite) || node === access.node || reported.has(node)) continue;
      const bytes = firstCommonBytes(earlier.tensor, access.tensor);
      if (bytes === null || this.#isBefore(node, access.node)) continue;
      reported.add(node);
      report(node, access.tensor, bytes);
    }
    accesses.push(access);
  }

  /** Whether a path leads from `first` to `second`. Looks no further back than `first`. */
  #isBefore(first: Tensor, second: Tensor): boolean {
    const limit = this.#steps.get(first)!;
    const seen = new Set([second]);
    for (const tensor of seen) {
      if (tensor === first) return true;
      for (const need of [...tensor.sources, tensor.destination]) {
        if (need !== null && (this.#steps.get(need) ?? -1) >= limit) seen.add(need);
      }
    }
    return false;
  }
}

function isPureView(node: Tensor): boolean {
  return findOperation(node.op)?.isView ?? false;
}

/** The first bytes of their storage that both tensors have; `null` if there are none. */
function firstCommonBytes(a: Tensor, b: Tensor): readonly [number, number] | null {
  const spans: (readonly [number, number])[] = [];
  forEachSpan(a, (from, to) => spans.push([from, to]));
  spans.sort((p, q) => p[0] - q[0]);
  let found: readonly [number, number] | null = null;
  forEachSpan(b, (from, to) => {
    if (found !== null) return;
    for (const [start, end] of spans) {
      if (start >= to) break;
      if (end > from) {
        found = [Math.max(start, from), Math.min(end, to)];
        break;
      }
    }
  });
  return found;
}

/**
 * Which nodes touch the same bytes, one of them writing, without a path of sources, destinations or dependencies that
 * puts one before the other.
 *
 * Every byte of an overwritten storage remembers its last writer and who has read it since. Whoever comes next is compared
 * with those; what came before the last writer was compared when that came.
 *
 * Invariant: only storages that some node overwrites are looked at; all others are written once, by their owner. Byte
 * ranges are exact, whatever the strides.
 */
import type { Graph } from '../graph/graph.js';
import { isPureView } from '../graph/node-kind.js';
import type { Tensor } from '../tensor/tensor.js';
import { IntervalMap, UNWRITTEN } from './interval-map.js';
import { forEachSpan } from './spans.js';

/** What has happened to some bytes. */
interface History {
  readonly writer: Tensor | null;
  readonly readers: Readers | null;
}

/** A list: whoever read last in front. */
interface Readers {
  readonly node: Tensor;
  readonly before: Readers | null;
}

const NO_HISTORY: History = { writer: null, readers: null };

type Report = (other: Tensor, tensor: Tensor, bytes: readonly [number, number]) => void;

/** Where an access meets an earlier node. */
interface Meeting {
  readonly tensor: Tensor;
  readonly bytes: readonly [number, number];
}

export class StatedOrder {
  /** Which entry of `#histories` the bytes of each overwritten storage have. */
  readonly #storages = new Map<Tensor, IntervalMap>();
  readonly #histories: History[] = [];
  readonly #steps: ReadonlyMap<Tensor, number>;

  constructor({ nodes }: Graph) {
    this.#steps = new Map(nodes.map((node, step) => [node, step]));
    for (const node of nodes) for (const { root } of writtenBy(node)) this.#storages.set(root, new IntervalMap());
  }

  /** Reports every earlier node that `node` should have been ordered after; to be called once per node, in order. */
  visit(node: Tensor, report: Report): void {
    const met = new Map<Tensor, Meeting>();
    for (const source of node.sources) {
      if (source !== null && source !== node) this.#access(node, source, false, met);
    }
    for (const tensor of writtenBy(node)) this.#access(node, tensor, true, met);
    const before = this.#thoseBefore(node, met);
    for (const [other, { tensor, bytes }] of met) if (!before.has(other)) report(other, tensor, bytes);
  }

  /** Notes an access to the bytes of `tensor`, and which other nodes it meets there. */
  #access(node: Tensor, tensor: Tensor, isWrite: boolean, met: Map<Tensor, Meeting>): void {
    const storage = this.#storages.get(tensor.root);
    if (storage === undefined) return;
    const changed = new Map<number, number>();
    const changes: number[] = [];
    forEachSpan(tensor, (start, end) =>
      storage.read(start, end, (from, to, entry) => {
        const history = entry === UNWRITTEN ? NO_HISTORY : this.#histories[entry];
        const meet = (other: Tensor): void => {
          if (!met.has(other)) met.set(other, { tensor, bytes: [from, to] });
        };
        if (!changed.has(entry)) {
          if (history.writer !== null) meet(history.writer);
          if (isWrite) for (let reader = history.readers; reader !== null; reader = reader.before) meet(reader.node);
          const readers = isWrite ? null : { node, before: history.readers };
          changed.set(entry, this.#histories.push({ writer: isWrite ? node : history.writer, readers }) - 1);
        }
        changes.push(from, to, changed.get(entry)!);
      }),
    );
    storage.write(changes);
  }

  /** Those of `targets` from which a path leads to `node`. Looks back until all are found, no further than to the first. */
  #thoseBefore(node: Tensor, targets: ReadonlyMap<Tensor, unknown>): ReadonlySet<Tensor> {
    const found = new Set<Tensor>();
    const steps = this.#steps;
    let limit = Infinity;
    for (const target of targets.keys()) limit = Math.min(limit, steps.get(target)!);
    const seen = new Set([node]);
    for (const tensor of seen) {
      if (found.size === targets.size) break;
      if (targets.has(tensor)) found.add(tensor);
      for (const need of [...tensor.sources, tensor.destination]) {
        if (need !== null && (steps.get(need) ?? -1) >= limit) seen.add(need);
      }
    }
    return found;
  }
}

/** What a node writes that belongs to another tensor: its result, if that is a view, and what it updates besides. */
function writtenBy(node: Tensor): Tensor[] {
  if (isPureView(node)) return [];
  const written = (node.operation?.updates ?? []).flatMap((slot) => node.sources[slot] ?? []);
  return node.isView ? [...written, node] : written;
}

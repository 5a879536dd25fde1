/**
 * Which two nodes touch the same bytes, at least one of them writing, while no path of sources, destinations or
 * dependencies puts one before the other?
 *
 * Each byte of an overwritten storage remembers its last writer and the readers since. The next access is compared with
 * these nodes. All earlier nodes were compared with the last writer.
 *
 * Invariant: only storages that some node overwrites are looked at; all others are written once, by their owner. Byte
 * ranges are exact for all strides.
 */
import type { Graph } from '../graph/graph.js';
import { isPureView } from '../graph/node-kind.js';
import type { Copy } from '../schedule/schedule.js';
import type { Tensor } from '../tensor/tensor.js';
import { IntervalMap, UNWRITTEN } from './interval-map.js';
import { forEachSpan } from './spans.js';

/** The last writer of some bytes, and the readers since. */
interface History {
  readonly writer: Tensor | null;
  readonly readers: Readers | null;
}

/** A linked list, the last reader first. */
interface Readers {
  readonly node: Tensor;
  readonly before: Readers | null;
}

const NO_HISTORY: History = { writer: null, readers: null };

export type UnorderedReport = (other: Tensor, tensor: Tensor, bytes: readonly [number, number]) => void;

/** Where an access meets an earlier node. */
interface Meeting {
  readonly tensor: Tensor;
  readonly bytes: readonly [number, number];
}

export class StatedOrder {
  /** For the bytes of each overwritten storage, their entry of `#histories`. */
  readonly #storages = new Map<Tensor, IntervalMap>();
  readonly #histories: History[] = [];
  readonly #steps: ReadonlyMap<Tensor, number>;

  /** What each copy is a copy of: its only operand. */
  readonly #copied: ReadonlyMap<Tensor, Tensor | null>;

  constructor({ nodes }: Graph, copies: readonly Copy[]) {
    const steps = new Map(nodes.map((node, step) => [node, step]));
    for (const { tensor, at } of copies) if (at !== null) steps.set(tensor, steps.get(at)!);
    this.#steps = steps;
    this.#copied = new Map(copies.map(({ tensor, from }) => [tensor, from]));
    for (const node of nodes) for (const { root } of writtenBy(node)) this.#storages.set(root, new IntervalMap());
  }

  /** Reports every earlier node that `node` should have been ordered after; to be called once per node or copy, in order. */
  visit(node: Tensor, report: UnorderedReport): void {
    const met = new Map<Tensor, Meeting>();
    for (const source of [...node.sources, this.#copied.get(node) ?? null]) {
      if (source !== null && source !== node) this.#access(node, source, false, met);
    }
    for (const tensor of writtenBy(node)) this.#access(node, tensor, true, met);
    const before = this.#thoseBefore(node, met);
    for (const [other, { tensor, bytes }] of met) if (!before.has(other)) report(other, tensor, bytes);
  }

  /** Notes an access to the bytes of `tensor`, and adds the other nodes that it meets there to `met`. */
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

  /** The nodes of `targets` from which a path leads to `node`. Looks back no further than to the earliest target. */
  #thoseBefore(node: Tensor, targets: ReadonlyMap<Tensor, unknown>): ReadonlySet<Tensor> {
    const found = new Set<Tensor>();
    const steps = this.#steps;
    let limit = Infinity;
    for (const target of targets.keys()) limit = Math.min(limit, steps.get(target)!);
    const seen = new Set([node]);
    for (const tensor of seen) {
      if (found.size === targets.size) break;
      if (targets.has(tensor)) found.add(tensor);
      for (const need of [...tensor.sources, tensor.destination, this.#copied.get(tensor) ?? null]) {
        if (need !== null && (steps.get(need) ?? -1) >= limit) seen.add(need);
      }
    }
    return found;
  }
}

/** The tensors that a node writes in another tensor's storage: its result, if that is a view, and updated operands. */
function writtenBy(node: Tensor): Tensor[] {
  if (isPureView(node)) return [];
  const written = (node.operation?.updates ?? []).flatMap((slot) => node.sources[slot] ?? []);
  return node.isView ? [...written, node] : written;
}

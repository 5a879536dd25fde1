/**
 * Runs a plan on a shadow memory: every byte carries the tag of the node that wrote it last, and every read must find
 * the tags that it would find if each storage had bytes of its own.
 *
 *     step 0   a = f(x)    arena  a a a a x x        own bytes  a: a a a a
 *     step 1   b = g(x)    arena  a a b b x x        own bytes  b: b b
 *     step 2   c = h(a)    reads  a a b b            expects    a a a a      stale-read: a's bytes [2, 4) are b's
 *
 * Replay computes no live ranges: it only does what the graph says, in order. So views, strides, dependencies,
 * destinations and caches need no rules of their own. It shares no code with the planner.
 *
 * Invariant: a node reads all elements of its sources, and then writes all of its own; pure views do neither. The
 * caller fills a node without an operation at the node's step. Nodes that the runtime may compute at once read all
 * their operands while the last of them writes.
 */
import { checkChoice, checkOptions } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import { isPureView, isResultIfUnread } from '../graph/node-kind.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Copy } from '../schedule/schedule.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkGraphAndPlan } from './check-plan.js';
import { checkCopies, copiesByNode } from './copies.js';
import { findGroups, inputsOf, mayMeet, type Group } from './fused-groups.js';
import { labelGroup } from './fused-overlaps.js';
import { IntervalMap } from './interval-map.js';
import { checkGivenPools, checkMaxViolations, MAX_VIOLATIONS } from './limits.js';
import { mayOverwrite } from './operands.js';
import { PlanMemories } from './plan-pools.js';
import { REPLAY_OPTIONS, type ReplayOptions } from './replay-options.js';
import type { ReplayViolation } from './replay-violation.js';
import { StatedOrder, type UnorderedReport } from './stated-order.js';
import { checkSpanCount, firstCommonBytes, forEachSpan } from './spans.js';
import { runtimeOf } from './verify-plan.js';
import type { PlanLike } from './plan-like.js';

/**
 * Replays `graph` in the memory that `plan` lays out. Time and memory grow with the number of reads and of dense spans
 * per tensor, not with bytes.
 *
 * @throws PlannerError `BAD_ARGUMENT`; `TOO_MANY_SPANS` if separate rows make more than 2^27 spans, or more than 2^22
 * written ones
 * @returns every violation, up to `maxViolations`, in the order of discovery; none means that each node reads what it
 * is meant to read
 */
export function replayPlan(graph: Graph, plan: PlanLike, options: ReplayOptions = {}): ReplayViolation[] {
  checkGraphAndPlan(graph, plan);
  checkOptions(options, REPLAY_OPTIONS);
  const { order = 'program', copies = [], pools, maxViolations = MAX_VIOLATIONS } = options;
  checkChoice('order', order, ['program', 'stated']);
  checkMaxViolations(options);
  checkCopies(graph, copies);
  if (pools !== undefined) checkGivenPools(graph, pools);
  checkSpanCount(graph);
  const stated = order === 'stated' ? new StatedOrder(graph, copies) : null;
  const memories = new PlanMemories(plan, pools ?? null);
  const replay = new Replay(graph, plan, { runtime: runtimeOf(plan, options), order: stated, copies, memories });
  for (const [step, node] of graph.nodes.entries()) {
    if (replay.violations.length >= maxViolations) break;
    replay.run(node, step);
  }
  replay.readResults(maxViolations);
  return replay.violations.slice(0, maxViolations);
}

interface Place {
  readonly chunk: number;
  readonly offset: number;
}

/** What a replay takes into account besides graph and plan. */
interface Circumstances {
  readonly runtime: Runtime;
  readonly order: StatedOrder | null;
  readonly copies: readonly Copy[];
  readonly memories: PlanMemories;
}

class Replay {
  readonly violations: ReplayViolation[] = [];
  readonly #graph: Graph;
  readonly #ids: ReadonlyMap<Tensor, number>;
  readonly #order: StatedOrder | null;
  readonly #places = new Map<Tensor, Place>();
  /** The tags that the arena holds, per chunk. */
  readonly #chunks = new Map<number, IntervalMap>();
  /** The tags that each storage would hold if it had bytes of its own. */
  readonly #storages = new Map<Tensor, IntervalMap>();
  readonly #computed = new Set<Tensor>();
  readonly #runtime: Runtime;
  /** The groups that each node ends. */
  readonly #groups = new Map<Tensor, Group[]>();

  /** What is copied to a device at the step of each node. */
  readonly #copiesAt: ReadonlyMap<Tensor, readonly Copy[]>;

  constructor(graph: Graph, plan: PlanLike, { runtime, order, copies, memories }: Circumstances) {
    this.#graph = graph;
    this.#runtime = runtime;
    for (const group of findGroups(graph, runtime)) {
      const last = group.nodes[group.nodes.length - 1];
      const others = this.#groups.get(last);
      if (others === undefined) this.#groups.set(last, [group]);
      else others.push(group);
    }
    this.#order = order;
    this.#ids = new Map(graph.tensors.map((tensor, id) => [tensor, id]));
    this.#copiesAt = copiesByNode(copies);
    for (const leaf of graph.leafs) this.#computed.add(leaf);
    for (const { at, tensor } of copies) if (at !== null) this.#computed.delete(tensor);
    for (const fault of memories.faults) this.#report('wrong-pool', [], 0, null, fault);
    const entries = new Map(plan.tensors.map((entry) => [entry.id, entry]));
    graph.tensors.forEach((tensor, id) => {
      if (tensor.isView) return;
      this.#storages.set(tensor, new IntervalMap());
      if (tensor.memory === 'deferred' && tensor.storageBytes > 0)
        this.#place(tensor, id, plan, memories, entries.get(id));
    });
    const early = graph.nodes.filter((node) => graph.inputs.has(node));
    for (const tensor of [...graph.leafs, ...early]) if (!tensor.isView) this.#write(tensor);
  }

  run(node: Tensor, step: number): void {
    const sources = node.sources.filter((source) => source !== null && source !== node) as Tensor[];
    for (const source of sources) {
      if (this.#computed.has(source)) continue;
      const message = `${this.#label(node)} needs ${this.#label(source)}, which runs later`;
      this.#report('not-computed', [source, node], step, null, message);
    }
    for (const copy of this.#copiesAt.get(node) ?? []) this.#copy(copy, step);
    this.#computed.add(node);
    if (isPureView(node)) return;
    for (const source of sources) this.#read(source, step, node);
    this.#checkGroups(node, step, this.#checkOperands(node, step));
    if (!this.#copiesAt.has(node)) this.#order?.visit(node, this.#reportUnordered(node, step));
    // An input without an operation has had its value from the start.
    if (node.operation !== null || !this.#graph.inputs.has(node)) this.#write(node);
  }

  /** Reads the outputs, and the results that no node reads: they must still be there after the last step. */
  readResults(maxViolations: number): void {
    const { tensors, nodes, outputs } = this.#graph;
    const read = new Set(
      nodes.flatMap((node) => [...node.sources.filter((source) => source !== node), node.destination]),
    );
    for (const tensor of tensors) {
      if (this.violations.length >= maxViolations) return;
      const isResult = !read.has(tensor) && isResultIfUnread(tensor);
      if (outputs.has(tensor) || isResult) this.#read(tensor, nodes.length, null);
    }
  }

  /** Reads what is copied, which must be there and whole. */
  #copy({ from, tensor }: Copy, step: number): void {
    const source = from!;
    if (!this.#computed.has(source)) {
      const message = `the copy ${this.#label(tensor)} needs ${this.#label(source)}, which runs later`;
      this.#report('not-computed', [source, tensor], step, null, message);
    }
    this.#read(source, step, tensor);
    this.#order?.visit(tensor, this.#reportUnordered(tensor, step));
    this.#computed.add(tensor);
    const [read, written] = [this.#places.get(source.root), this.#places.get(tensor)];
    if (read === undefined || read.chunk !== written?.chunk) return;
    const bytes = firstCommonBytes(tensor, written.offset, source, read.offset);
    if (bytes === null) return;
    const message = `${this.#label(tensor)} overwrites ${this.#label(source)} while it is copied, at step ${step}`;
    this.#report('overwritten-operand', [tensor, source], step, bytes, message);
  }

  /** Notes the place of a storage. A storage without a place, or in another pool, is reported once, here. */
  #place(tensor: Tensor, id: number, { chunks }: PlanLike, memories: PlanMemories, place: Place | undefined): void {
    const isInside = ({ chunk, offset }: Place): boolean =>
      Number.isInteger(chunk) &&
      Number.isSafeInteger(offset) &&
      offset >= 0 &&
      offset + tensor.storageBytes <= chunks[chunk];
    if (place === undefined || !isInside(place)) {
      return this.#report('missing', [tensor], 0, null, `${this.#label(tensor)} has no place in the arena`);
    }
    const elsewhere = memories.wrongPool(id, place.chunk);
    if (elsewhere !== null) {
      const where = `chunk ${place.chunk} of pool ${elsewhere.found}, but belongs into ${elsewhere.expected}`;
      this.#report('wrong-pool', [tensor], 0, null, `${this.#label(tensor)} is in ${where}`);
    }
    this.#places.set(tensor, place);
    this.#chunks.set(place.chunk, new IntervalMap()); // nothing has been written yet
  }

  /** Compares what a tensor's bytes hold with what they should hold. Reports each culprit once per read. */
  #read(tensor: Tensor, step: number, reader: Tensor | null): void {
    const place = this.#places.get(tensor.root);
    if (place === undefined) return;
    const chunk = this.#chunks.get(place.chunk)!;
    const storage = this.#storages.get(tensor.root)!;
    const culprits = new Set<number>();
    const compare = (from: number, to: number, expected: number): void => {
      chunk.read(place.offset + from, place.offset + to, (found, end, tag) => {
        if (tag === expected || culprits.has(tag)) return;
        culprits.add(tag);
        const writer = this.#graph.tensors[tag]; // never UNWRITTEN: unwritten bytes are so in both memories
        const when = reader === null ? 'after the last step' : `when ${this.#label(reader)} reads them at step ${step}`;
        const where = `bytes [${found}, ${end}) of chunk ${place.chunk}, part of ${this.#label(tensor)}`;
        const kind = reader === null ? 'lost-result' : 'stale-read';
        this.#report(kind, [writer, tensor], step, [found, end], `${where}, are ${this.#label(writer)} ${when}`);
      });
    };
    const [start, end] = [tensor.viewOffset, tensor.viewOffset + tensor.byteLength];
    const expected = storage.onlyTag(start, end);
    if (expected !== null && expected === chunk.onlyTag(place.offset + start, place.offset + end)) return;
    forEachSpan(tensor, (from, to) => storage.read(from, to, compare));
  }

  /** Reports the operands that `node` overwrites while its operation still reads them, and returns them. */
  #checkOperands(node: Tensor, step: number): Set<Tensor> {
    const wrong = new Set<Tensor>();
    const place = this.#places.get(node.root);
    if (place === undefined) return wrong;
    node.sources.forEach((source, slot) => {
      // Within one storage the graph decides what overwrites what: no plan can change that.
      if (source === null || source.root === node.root) return;
      const other = this.#places.get(source.root);
      if (other === undefined || other.chunk !== place.chunk) return;
      const isSamePlace = other.offset + source.viewOffset === place.offset + node.viewOffset;
      if (isSamePlace && mayOverwrite(node, slot)) return;
      const bytes = firstCommonBytes(node, place.offset, source, other.offset);
      if (bytes === null) return;
      const message = `${this.#label(node)} overwrites ${this.#label(source)} while it reads it, at step ${step}`;
      this.#report('overwritten-operand', [node, source], step, bytes, message);
      wrong.add(source);
    });
    return wrong;
  }

  /** Reports the operands of groups that `node` overwrites as their last node, except those in `known`. */
  #checkGroups(node: Tensor, step: number, known: Set<Tensor>): void {
    const place = this.#places.get(node.root);
    if (place === undefined) return;
    for (const group of this.#groups.get(node) ?? []) {
      for (const input of inputsOf(group)) {
        const { tensor, reader } = input;
        const other = this.#places.get(tensor.root);
        if (other === undefined || other.chunk !== place.chunk || known.has(tensor)) continue;
        const isSamePlace = other.offset + tensor.viewOffset === place.offset + node.viewOffset;
        if (isSamePlace && mayMeet(group, input)) continue;
        const bytes = firstCommonBytes(node, place.offset, tensor, other.offset);
        if (bytes === null) continue;
        known.add(tensor);
        const what = `${this.#runtime.name} may compute ${labelGroup(group, this.#ids)} at once`;
        const message = `${this.#label(node)} overwrites ${this.#label(tensor)} while ${this.#label(reader)} reads it, at step ${step}: ${what}`;
        this.#report('fused-overlap', [node, tensor], step, bytes, message);
      }
    }
  }

  /** What reports the earlier nodes that touched the same bytes and are not ordered against `node`. */
  #reportUnordered(node: Tensor, step: number): UnorderedReport {
    return (other, tensor, bytes) => {
      const message = `nothing but the program's order puts ${this.#label(other)} before ${this.#label(node)}`;
      this.#report('unordered', [other, node], step, bytes, `${message}: both touch ${this.#label(tensor)}`);
    };
  }

  #write(tensor: Tensor): void {
    const { root } = tensor;
    const tag = this.#ids.get(tensor)!;
    const place = this.#places.get(root);
    const chunk = place === undefined ? undefined : this.#chunks.get(place.chunk);
    const inStorage: number[] = [];
    const inChunk: number[] = [];
    forEachSpan(tensor, (from, to) => {
      inStorage.push(from, to, tag);
      if (place !== undefined) inChunk.push(place.offset + from, place.offset + to, tag);
    });
    // A device that asks for more bytes than the elements have may write them all.
    if (place !== undefined) inChunk.push(place.offset + root.byteLength, place.offset + root.storageBytes, tag);
    this.#storages.get(root)!.write(inStorage);
    chunk?.write(inChunk);
  }

  #report(
    kind: ReplayViolation['kind'],
    tensors: readonly Tensor[],
    step: number,
    bytes: readonly [number, number] | null,
    message: string,
  ): void {
    const ids = tensors.map((tensor) => this.#ids.get(tensor)!);
    this.violations.push({ kind, ids, step, bytes, message: `${kind}: ${message}` });
  }

  #label(tensor: Tensor): string {
    return `${tensor.label} (${this.#ids.get(tensor)!})`;
  }
}

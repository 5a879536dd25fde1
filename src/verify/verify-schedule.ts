/**
 * Checks a schedule against the graph that was spread: both run side by side on shadow memory, in which every byte
 * carries the tag of the tensor that wrote it, and every node must read what it reads in the given graph.
 *
 *     given      k = cache     w = write(cache)        r = f(view of cache after w)
 *     schedule   k' = copy of cache    w               r = f(k')        stale-copy: bytes of k' lack what w wrote
 *
 * Invariant: shares no code with what makes schedules. Whether the bytes of a plan hold these values is for `verifyPlan`
 * and `replayPlan`, which get the graph that runs.
 */
import { checkArgument, checkOptions, type OptionNames } from '../errors.js';
import type { BufferType } from '../device/device.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import { isPureView, isResultIfUnread } from '../graph/node-kind.js';
import type { Copy } from '../schedule/schedule.js';
import type { Tensor } from '../tensor/tensor.js';
import { copiesByNode } from './copies.js';
import { checkGivenPools, checkMaxViolations, MAX_VIOLATIONS } from './limits.js';
import { labelOf } from './plan-violation.js';
import type { ScheduleViolation } from './schedule-violation.js';
import { checkSpanCount } from './spans.js';
import { compareTensors, faultOfLists, type ScheduleLike } from './stand-ins.js';
import { firstDifference, ValueMemory, type Values } from './value-memory.js';

/** What a schedule was made with. */
export interface ScheduleLimits {
  /** The buffer types of storages that exist already, as `scheduleGraph` was given them. Default: none. */
  readonly placed?: ReadonlyMap<Tensor, BufferType>;
  /** Violations that are reported at most: the first to be found. Default 10,000. */
  readonly maxViolations?: number;
}

const SCHEDULE_LIMITS: OptionNames<ScheduleLimits> = { placed: true, maxViolations: true };

/**
 * Every violation of a schedule of `graph`, up to `maxViolations`: first those of single tensors and copies, then those
 * that are found when both graphs run. None means that each node is computed once, on a device that computes it, from
 * operands that the device reads and that hold what they hold in `graph`. O(tensors + dense spans of all reads).
 *
 * @param graph the graph that was spread
 * @throws PlannerError `BAD_ARGUMENT`, `TOO_MANY_SPANS` as `replayPlan`
 * @example
 * ```ts
 * import { Context, Graph } from 'tensor-arena';
 * import { cpuDevice, cudaDevice, scheduleGraph, verifySchedule } from 'tensor-arena/device';
 * const ctx = Context.deferred();
 * const graph = Graph.forward(ctx.setOutput(ctx.relu(ctx.setInput(ctx.newTensor('f32', [256])))));
 * const schedule = scheduleGraph(graph, [cudaDevice({ totalBytes: 2 ** 30 }), cpuDevice()]);
 * console.log(verifySchedule(graph, schedule).length); // 0
 * ```
 */
export function verifySchedule(graph: Graph, schedule: ScheduleLike, limits: ScheduleLimits = {}): ScheduleViolation[] {
  checkGraph(graph);
  checkGraph((schedule as Partial<ScheduleLike> | null)?.graph);
  const lists = [schedule.devices, schedule.bufferTypes, schedule.copies];
  const areLists = lists.every((list) => Array.isArray(list));
  checkArgument(areLists, 'schedule', schedule, 'a Schedule', 'Give what scheduleGraph returned.');
  checkGivenPools(schedule.graph, schedule.pools);
  checkOptions(limits, SCHEDULE_LIMITS, 'limits');
  checkMaxViolations(limits);
  const { placed = new Map<Tensor, BufferType>(), maxViolations = MAX_VIOLATIONS } = limits;
  const fault = faultOfLists(graph, schedule);
  if (fault !== null) return [{ kind: 'bad-schedule', ids: [], step: null, message: `bad-schedule: ${fault}` }];
  const violations = compareTensors(graph, schedule);
  if (violations.length > 0) return violations.slice(0, maxViolations);
  checkSpanCount(graph);
  checkSpanCount(schedule.graph);
  return new ScheduleRun(graph, schedule, placed).violationsUpTo(maxViolations);
}

/** What every node of a graph reads, by its slots, and what all bytes hold at the end. */
function runAlone(graph: Graph): {
  readonly reads: ReadonlyMap<Tensor, readonly Values[]>;
  readonly memory: ValueMemory;
} {
  const memory = new ValueMemory();
  const reads = new Map<Tensor, Values[]>();
  const ids = new Map(graph.tensors.map((tensor, id) => [tensor, id]));
  for (const tensor of earlyTensors(graph)) memory.write(tensor, ids.get(tensor)!);
  for (const node of graph.nodes) {
    if (isPureView(node)) continue;
    reads.set(
      node,
      node.sources.map((source) => (source === null || source === node ? NOTHING : memory.read(source))),
    );
    for (const tensor of writtenBy(node, graph)) memory.write(tensor, ids.get(node)!);
  }
  return { reads, memory };
}

/** What an empty slot holds. */
const NOTHING: Values = [];

/** Storages whose values are there from the start. */
function earlyTensors({ leafs, nodes, inputs }: Graph): Tensor[] {
  return [...leafs, ...nodes.filter((node) => inputs.has(node))].filter((tensor) => !tensor.isView);
}

/** The tensors whose bytes a node writes: its result, unless the caller has filled it, and operands that it updates. */
function writtenBy(node: Tensor, { inputs }: Graph): Tensor[] {
  const { operation, sources } = node;
  const updated = (operation?.updates ?? []).flatMap((slot) => sources[slot] ?? []);
  return operation === null && inputs.has(node) ? updated : [...updated, node];
}

/** The run of a schedule's graph. */
class ScheduleRun {
  readonly #given: Graph;
  readonly #schedule: ScheduleLike;
  readonly #placed: ReadonlyMap<Tensor, BufferType>;
  readonly #ids: ReadonlyMap<Tensor, number>;
  readonly #memory = new ValueMemory();
  readonly #made = new Set<Tensor>();
  readonly #copyOf: ReadonlyMap<Tensor, Copy>;
  readonly #violations: ScheduleViolation[] = [];

  constructor(given: Graph, schedule: ScheduleLike, placed: ReadonlyMap<Tensor, BufferType>) {
    this.#given = given;
    this.#schedule = schedule;
    this.#placed = placed;
    this.#ids = new Map(schedule.graph.tensors.map((tensor, id) => [tensor, id]));
    this.#copyOf = new Map(schedule.copies.map((copy) => [copy.tensor, copy]));
  }

  violationsUpTo(most: number): ScheduleViolation[] {
    const { graph, copies } = this.#schedule;
    const alone = runAlone(this.#given);
    const copiesAt = copiesByNode(copies);
    for (const tensor of earlyTensors(graph)) {
      const original = this.#original(tensor);
      if (original !== undefined) this.#memory.write(tensor, this.#tagOf(tensor));
      if (original !== undefined || (this.#copyOf.get(tensor)?.at ?? tensor) === tensor) this.#made.add(tensor);
    }
    for (const [step, node] of graph.nodes.entries()) {
      if (this.#violations.length >= most) break;
      for (const copy of copiesAt.get(node) ?? []) this.#copy(copy, step);
      const original = this.#original(node);
      if (original !== undefined) this.#run(node, step, original, alone.reads.get(original));
      this.#made.add(node);
    }
    this.#compareResults(alone.memory);
    return this.#violations.slice(0, most);
  }

  #copy({ from, tensor }: Copy, step: number): void {
    this.#checkMade(from!, tensor, step);
    this.#memory.copy(this.#memory.read(from!), tensor);
    this.#made.add(tensor);
  }

  #run(node: Tensor, step: number, original: Tensor, expected: readonly Values[] | undefined): void {
    const device = this.#schedule.deviceOf[this.#ids.get(node)!];
    node.sources.forEach((source, slot) => {
      const meant = original.sources[slot];
      const isEmpty = source === null || source === node;
      const copy = isEmpty ? undefined : this.#copyOf.get(source);
      const isCopy = copy?.of === meant && copy.device === device && copy.index === 0 && expected !== undefined;
      const isMeant = isEmpty ? (source === null) === (meant === null) : this.#original(source) === meant || isCopy;
      if (!isMeant) {
        const found = isEmpty ? 'nothing' : this.#label(source);
        this.#report('wrong-operand', [node], step, `reads ${found} where ${meant?.label ?? 'nothing'} is meant`);
      }
      if (!isMeant || isEmpty) return;
      this.#checkMade(source, node, step);
      if (expected === undefined) return;
      this.#checkReach(node, source, device, step, 'reads');
      const difference = firstDifference(expected[slot], this.#memory.read(source), source.byteLength);
      if (difference === null || !this.#made.has(source)) return;
      const kind = this.#original(source) === meant ? 'stale-operand' : 'stale-copy';
      this.#report(kind, [source, node], step, `${describe(difference, this.#given)}, when ${node.label} reads them`);
    });
    if (expected === undefined) return; // it computes nothing
    this.#checkReach(node, node, device, step, 'writes');
    const { supports } = this.#schedule.devices[device] ?? { supports: () => false };
    const isComputed = original.operation === null || supports(original, (tensor) => this.#placed.get(tensor) ?? null);
    if (!isComputed)
      this.#report('unsupported', [node], step, `runs on ${this.#deviceName(device)}, which does not compute it`);
    for (const tensor of writtenBy(node, this.#schedule.graph)) this.#memory.write(tensor, this.#tagOf(node));
  }

  #checkMade(tensor: Tensor, reader: Tensor, step: number): void {
    if (this.#made.has(tensor)) return;
    this.#report('not-made', [tensor, reader], step, `is not there yet when ${this.#label(reader)} needs it`);
  }

  /** Whether a device reaches the bytes of a tensor. */
  #checkReach(node: Tensor, tensor: Tensor, device: number, step: number, verb: string): void {
    const { devices } = this.#schedule;
    const type = this.#memoryOf(tensor.root);
    if (type === undefined || devices[device]?.reads(type)) return;
    const what = `${verb} ${tensor === node ? 'its result' : this.#label(tensor)} in ${type.name}`;
    this.#report('unreadable', [node, tensor], step, `${what}, which ${this.#deviceName(device)} does not reach`);
  }

  /** Where a storage lies: in its pool, or where it was before. Undefined for one outside the plan that nobody placed. */
  #memoryOf(root: Tensor): BufferType | undefined {
    const { bufferTypes, deviceOf, pools } = this.#schedule;
    const owner = this.#original(root);
    const placed = owner && this.#placed.get(owner);
    const id = this.#ids.get(root)!;
    if (placed !== undefined || root.memory !== 'deferred') return placed ?? bufferTypes[deviceOf[id]];
    const { name } = pools.list[pools.of[id]];
    return bufferTypes.find((type) => type.name === name);
  }

  /** What can be read when the graph has run, and all that lies outside the plan. */
  #compareResults(expected: ValueMemory): void {
    const { graph, standsFor } = this.#schedule;
    const read = new Set(
      this.#given.nodes.flatMap((node) => [...node.sources.filter((source) => source !== node), node.destination]),
    );
    graph.tensors.forEach((tensor, id) => {
      const original = this.#given.tensors[standsFor[id]] as Tensor | undefined;
      if (original === undefined) return;
      const isResult = !read.has(original) && isResultIfUnread(original);
      const isOutside = !original.isView && original.memory !== 'deferred';
      if (!isResult && !isOutside && !this.#given.outputs.has(original)) return;
      const difference = firstDifference(expected.read(original), this.#memory.read(tensor), tensor.byteLength);
      if (difference === null) return;
      this.#report('wrong-result', [tensor], graph.nodes.length, `${describe(difference, this.#given)}, at the end`);
    });
  }

  #original(tensor: Tensor): Tensor | undefined {
    return this.#given.tensors[this.#tagOf(tensor)];
  }

  /** The tag of a tensor in both memories: the id of what it stands for. */
  #tagOf(tensor: Tensor): number {
    return this.#schedule.standsFor[this.#ids.get(tensor)!];
  }

  #deviceName(device: number): string {
    return device === -1 ? 'no device' : this.#schedule.devices[device].name;
  }

  #label(tensor: Tensor): string {
    return labelOf(tensor, this.#ids.get(tensor)!);
  }

  #report(kind: ScheduleViolation['kind'], tensors: readonly Tensor[], step: number, what: string): void {
    const ids = tensors.map((tensor) => this.#ids.get(tensor)!);
    this.#violations.push({ kind, ids, step, message: `${kind}: ${this.#label(tensors[0])} ${what}, at step ${step}` });
  }
}

/** What some bytes hold, and what they should. */
function describe(
  { bytes, expected, found }: NonNullable<ReturnType<typeof firstDifference>>,
  { tensors }: Graph,
): string {
  const name = (tag: number): string => (tag in tensors ? `what ${tensors[tag].label} wrote` : 'nothing');
  return `holds ${name(found)} in bytes [${bytes[0]}, ${bytes[1]}), not ${name(expected)}`;
}

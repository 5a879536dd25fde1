/**
 * Checks that a graph which a pass has made computes what the old graph computes: both run side by side on expressions,
 * and what can be read in the end must be the same expression.
 *
 * Invariant: shares no code with the passes, and trusts of what they say only which tensors stand for which.
 */
import { checkArgument, checkOptions, type OptionNames } from '../errors.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import { isPureView, isResultIfUnread } from '../graph/node-kind.js';
import type { Rewritten } from '../graph/rewritten.js';
import { sameLayout } from '../tensor/layout.js';
import type { Slice } from '../tensor/slice.js';
import type { Tensor } from '../tensor/tensor.js';
import { Claims } from './claims.js';
import type { EquivalenceViolation } from './equivalence-violation.js';
import { homesOf } from './homes.js';
import { ExpressionRun, Expressions, type Effect } from './expressions.js';
import { checkMaxViolations, MAX_VIOLATIONS } from './limits.js';
import { labelOf } from './plan-violation.js';
import { checkSpanCount } from './spans.js';

/** How a rewritten graph is checked. */
export interface EquivalenceOptions {
  /** Violations that are reported at most: the first to be found. Default 10,000. */
  readonly maxViolations?: number;
}

const EQUIVALENCE_OPTIONS: OptionNames<EquivalenceOptions> = { maxViolations: true };

/**
 * Every way in which a rewritten graph computes something else than `graph`, up to `maxViolations`. None means that every
 * output, every result that nobody reads and all memory outside the plan hold the same expressions in the end, and that
 * what has other effects runs as often and in the same order. O(tensors + dense spans of all reads).
 *
 * @param graph the old graph
 * @param rewritten what a pass made of it
 * @throws PlannerError `BAD_ARGUMENT`, `TOO_MANY_SPANS` as `replayPlan`
 * @example
 * ```ts
 * import { Context, Graph } from 'tensor-arena';
 * import { orderGraph, verifyEquivalent } from 'tensor-arena/passes';
 * const ctx = Context.deferred();
 * const graph = Graph.forward(ctx.setOutput(ctx.relu(ctx.setInput(ctx.newTensor('f32', [256])))));
 * console.log(verifyEquivalent(graph, orderGraph(graph)).length); // 0
 * ```
 */
export function verifyEquivalent(
  graph: Graph,
  rewritten: Rewritten,
  options: EquivalenceOptions = {},
): EquivalenceViolation[] {
  checkGraph(graph);
  const { graph: changed, origin, slices } = (rewritten ?? {}) as Partial<Rewritten>;
  checkGraph(changed);
  const remedy = 'Give what a pass returned: { graph, origin }.';
  checkArgument(origin instanceof Int32Array, 'origin', origin, 'an Int32Array of ids', remedy);
  checkArgument(
    slices === undefined || Array.isArray(slices),
    'slices',
    slices,
    'a list, one entry per tensor',
    remedy,
  );
  checkOptions(options, EQUIVALENCE_OPTIONS);
  checkMaxViolations(options);
  checkSpanCount(graph);
  checkSpanCount(changed);
  const { maxViolations = MAX_VIOLATIONS } = options;
  return new Comparison(graph, { graph: changed, origin, slices }).violations().slice(0, maxViolations);
}

class Comparison {
  readonly #old: Graph;
  readonly #changed: Graph;
  readonly #origin: Int32Array;
  readonly #slices: readonly (Slice | null)[];
  readonly #claims = new Claims();
  /** Leafs outside the plan in which outputs come to lie. */
  readonly #homes: ReadonlySet<Tensor>;
  readonly #oldIds: ReadonlyMap<Tensor, number>;
  readonly #newIds: ReadonlyMap<Tensor, number>;
  readonly #violations: EquivalenceViolation[] = [];

  constructor(old: Graph, { graph: changed, origin, slices = [] }: Rewritten) {
    this.#old = old;
    this.#changed = changed;
    this.#origin = origin;
    this.#slices = slices;
    this.#oldIds = new Map(old.tensors.map((tensor, id) => [tensor, id]));
    this.#newIds = new Map(changed.tensors.map((tensor, id) => [tensor, id]));
    this.#homes = homesOf(old, { graph: changed, origin }, this.#newIds);
  }

  violations(): readonly EquivalenceViolation[] {
    if (!this.#checkOrigin() || !this.#checkSlices()) return this.#violations;
    this.#checkLeafs();
    this.#checkOrder();
    const expressions = new Expressions();
    const before = new ExpressionRun(expressions, this.#old, (tensor) => `outside ${this.#oldIds.get(tensor)!}`);
    for (const node of this.#old.nodes) {
      this.#claims.note(node, before);
      before.run(node);
    }
    const after = new ExpressionRun(expressions, this.#changed, (tensor) => this.#nameOf(tensor), this.#homes);
    for (const node of this.#changed.nodes) {
      const slice = isPureView(node) ? null : this.#sliceOf(node);
      if (slice !== null) {
        this.#runPart(node, slice, before, after);
      } else {
        after.run(node);
        this.#checkNode(node, before, after);
      }
    }
    this.#compareResults(before, after);
    this.#compareMemory(before, after);
    this.#compareEffects(before, after);
    return this.#violations;
  }

  /** What comes from outside, by the id in the old graph. */
  #nameOf(tensor: Tensor): string {
    const id = this.#newIds.get(tensor)!;
    return this.#origin[id] === -1 || this.#homes.has(tensor) ? `new ${id}` : `outside ${this.#origin[id]}`;
  }

  #checkOrigin(): boolean {
    const { length } = this.#changed.tensors;
    const origin = this.#origin;
    const wrong = origin.findIndex((id) => !(id >= -1 && id < this.#old.tensors.length));
    if (origin.length === length && wrong === -1) return true;
    const what =
      origin.length === length
        ? `tensor ${wrong} stands for ${origin[wrong]}, which does not exist`
        : `there are ${origin.length} origins for ${length} tensors`;
    this.#violations.push({ kind: 'bad-origin', oldId: null, newId: null, message: `bad-origin: ${what}` });
    return false;
  }

  /** Whether the slices that nodes claim to be are slices of what they stand for. */
  #checkSlices(): boolean {
    const rewritten = { graph: this.#changed, origin: this.#origin, slices: this.#slices };
    for (const { newId, message } of this.#claims.fill(this.#old, rewritten, this.#newIds)) {
      this.#violations.push({ kind: 'bad-origin', oldId: null, newId, message: `bad-origin: ${message}` });
    }
    return this.#violations.length === 0;
  }

  #sliceOf(node: Tensor): Slice | null {
    return this.#slices[this.#newIds.get(node)!] ?? null;
  }

  #runPart(node: Tensor, slice: Slice, before: ExpressionRun, after: ExpressionRun): void {
    const id = this.#newIds.get(node)!;
    const old = this.#old.tensors[this.#origin[id]];
    const cut = this.#claims.check(node, old, slice, after);
    const expression = before.expressionOf.get(old);
    if (typeof cut !== 'string' && expression !== undefined)
      return after.runPart(node, expression, old, { slice, cut });
    this.#report(
      'wrong-slice',
      this.#origin[id],
      id,
      typeof cut === 'string' ? cut : 'is a slice of what nobody computes',
    );
    after.runUnknown(node);
  }

  /** Whatever has bytes from outside is like what it stands for, and alone in that. */
  #checkLeafs(): void {
    const { leafs, nodes, inputs } = this.#changed;
    const taken = new Set<number>();
    for (const tensor of [...leafs, ...nodes.filter((node) => node.operation === null || inputs.has(node))]) {
      const id = this.#newIds.get(tensor)!;
      const oldId = this.#origin[id];
      if (this.#homes.has(tensor)) continue;
      if (oldId === -1) {
        const isEmpty = tensor.memory === 'deferred' && !inputs.has(tensor);
        if (!isEmpty) this.#report('wrong-leaf', null, id, 'comes from outside, but the old graph has nothing like it');
        continue;
      }
      const what = this.#differenceOf(this.#old.tensors[oldId], tensor);
      if (what !== null) this.#report('wrong-leaf', oldId, id, `differs from what it stands for in ${what}`);
      if (taken.has(oldId)) this.#report('wrong-leaf', oldId, id, 'stands for what another leaf stands for');
      taken.add(oldId);
    }
  }

  #differenceOf(old: Tensor, tensor: Tensor): string | null {
    if (this.#old.inputs.has(old) !== this.#changed.inputs.has(tensor)) return 'its mark as an input';
    if (old === tensor) return null;
    if (old.operation !== tensor.operation) return 'its operation';
    if (!sameLayout(old, tensor)) return 'type, shape or strides';
    if (old.memory !== tensor.memory || old.bytes !== tensor.bytes) return 'its kind of memory';
    if (old.isView !== tensor.isView || old.viewOffset !== tensor.viewOffset) return 'its place in a storage';
    return null;
  }

  #checkOrder(): void {
    const isThere = new Set(this.#changed.leafs);
    for (const node of this.#changed.nodes) {
      for (const need of [...node.sources, node.destination]) {
        if (need === null || need === node || isThere.has(need)) continue;
        const id = this.#newIds.get(node)!;
        this.#report('not-computed', this.#originOf(id), id, `needs ${need.label}, which does not run before it`);
      }
      isThere.add(node);
    }
  }

  /** A node that has the layout of what it stands for computes the same. */
  #checkNode(node: Tensor, before: ExpressionRun, after: ExpressionRun): void {
    const id = this.#newIds.get(node)!;
    const old = this.#old.tensors[this.#origin[id]] as Tensor | undefined;
    if (old === undefined || !sameLayout(old, node)) return;
    const [expected, found] = [before.expressionOf.get(old), after.expressionOf.get(node)];
    if (expected === found) return;
    // Bytes into which parts of a result were written are looked at, as the result.
    if (isPureView(node) && expected !== undefined && after.contentOf(node) === `#${expected}+0`) return;
    this.#report('wrong-origin', this.#origin[id], id, 'does not compute what the tensor that it stands for does');
  }

  #compareResults(before: ExpressionRun, after: ExpressionRun): void {
    const standIns = new Map<number, number[]>();
    this.#origin.forEach((oldId, id) => standIns.set(oldId, [...(standIns.get(oldId) ?? []), id]));
    const lasting = resultsOf(this.#changed);
    for (const result of resultsOf(this.#old)) {
      const oldId = this.#oldIds.get(result)!;
      const isOutput = this.#old.outputs.has(result);
      const candidates = (standIns.get(oldId) ?? []).filter((id) => {
        const tensor = this.#changed.tensors[id];
        return sameLayout(tensor, result) && (isOutput ? this.#changed.outputs.has(tensor) : lasting.has(tensor));
      });
      const content = before.contentOf(result);
      if (candidates.some((id) => after.contentOf(this.#changed.tensors[id]) === content)) continue;
      const what = isOutput ? 'an output' : 'a result';
      const message =
        candidates.length === 0
          ? `${what} of the old graph, has nothing that stands for it`
          : `${what}, is another expression`;
      this.#report('wrong-output', oldId, candidates[0] ?? null, message);
    }
  }

  /** Storages outside the plan, such as caches. */
  #compareMemory(before: ExpressionRun, after: ExpressionRun): void {
    this.#changed.tensors.forEach((tensor, id) => {
      const oldId = this.#origin[id];
      if (tensor.isView || tensor.memory === 'deferred' || oldId === -1) return;
      if (before.contentOf(this.#old.tensors[oldId]) === after.contentOf(tensor)) return;
      this.#report('wrong-memory', oldId, id, 'holds something else in the end');
    });
  }

  #compareEffects(before: ExpressionRun, after: ExpressionRun): void {
    const length = Math.max(before.unknown.length, after.unknown.length);
    for (let index = 0; index < length; index++) {
      const [expected, found] = [before.unknown.at(index), after.unknown.at(index)];
      if (expected?.expression === found?.expression) continue;
      this.#reportEffect(expected, found, 'is left out, runs once more, or in another order');
      break; // all that follow are shifted
    }
    const counts = new Map<number, number>();
    for (const { expression } of before.writes) counts.set(expression, (counts.get(expression) ?? 0) + 1);
    for (const write of after.writes) {
      const left = counts.get(write.expression) ?? 0;
      counts.set(write.expression, left - 1);
      if (left <= 0)
        this.#reportEffect(undefined, write, 'writes outside the plan what the old graph does not, or once more');
    }
    for (const write of before.writes) {
      const left = counts.get(write.expression) ?? 0;
      counts.set(write.expression, left - 1);
      if (left > 0) this.#reportEffect(write, undefined, 'writes outside the plan, and is left out');
    }
  }

  #reportEffect(expected: Effect | undefined, found: Effect | undefined, what: string): void {
    const newId = found === undefined ? null : this.#newIds.get(found.node)!;
    const oldId = expected === undefined ? this.#originOf(newId!) : this.#oldIds.get(expected.node)!;
    this.#report('wrong-effect', oldId, newId, what);
  }

  #originOf(id: number): number | null {
    return this.#origin[id] === -1 ? null : this.#origin[id];
  }

  #report(kind: EquivalenceViolation['kind'], oldId: number | null, newId: number | null, what: string): void {
    const label =
      newId === null ? labelOf(this.#old.tensors[oldId!], oldId!) : labelOf(this.#changed.tensors[newId], newId);
    this.#violations.push({ kind, oldId, newId, message: `${kind}: ${label} ${what}` });
  }
}

/** What can be read when a graph has run, besides memory outside the plan. */
function resultsOf({ tensors, nodes, outputs }: Graph): Set<Tensor> {
  const read = new Set(
    nodes.flatMap((node) => [...node.sources.filter((source) => source !== node), node.destination]),
  );
  return new Set(tensors.filter((tensor) => outputs.has(tensor) || (!read.has(tensor) && isResultIfUnread(tensor))));
}

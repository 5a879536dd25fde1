/**
 * Whether nodes that claim to be slices of old nodes are: each reads what such a slice would have read.
 *
 * Invariant: of an old node, the contents of its operands are taken down when it runs; so what is written later into the
 * same bytes does not matter.
 */
import type { Graph } from '../graph/graph.js';
import type { Rewritten } from '../graph/rewritten.js';
import { isPureView } from '../graph/node-kind.js';
import { sameShape } from '../tensor/layout.js';
import { slicedShape, type Cut, type Slice } from '../tensor/slice.js';
import type { Tensor } from '../tensor/tensor.js';
import type { ExpressionRun } from './expressions.js';
import { labelOf } from './plan-violation.js';
import { faultOfSlice, hasSettings, sameContent, type Content } from './slices.js';

/** What a slice of an old node reads; without a cut if it cannot be computed by itself. */
interface Claim {
  readonly slice: Slice;
  cut: Cut | null;
  /** By source slot. */
  readonly contents: (Content | null)[];
}

const keyOf = ({ dim, from, to }: Slice): string => `${dim} ${from} ${to}`;

export class Claims {
  readonly #claims = new Map<Tensor, Map<string, Claim>>();

  /** Takes in what the nodes of a rewritten graph claim to be; returns the claims that make no sense. */
  fill(
    old: Graph,
    { graph, origin, slices = [] }: Rewritten,
    newIds: ReadonlyMap<Tensor, number>,
  ): { readonly newId: number | null; readonly message: string }[] {
    const count = graph.tensors.length;
    if (slices.length !== 0 && slices.length !== count) {
      return [{ newId: null, message: `there are ${slices.length} slices for ${count} tensors` }];
    }
    return graph.nodes.flatMap((node) => {
      const newId = newIds.get(node)!;
      const slice = slices[newId] ?? null;
      if (slice === null || isPureView(node)) return [];
      const whole = old.tensors[origin[newId]] as Tensor | undefined;
      const fault = whole === undefined ? 'is a slice of nothing' : this.#add(whole, slice);
      return fault === null ? [] : [{ newId, message: `${labelOf(node, newId)} ${fault}` }];
    });
  }

  /** @returns why that makes no sense; null if it does */
  #add(old: Tensor, slice: Slice): string | null {
    const fault = faultOfSlice(slice, old);
    if (fault !== null) return fault;
    const known = this.#claims.get(old) ?? new Map<string, Claim>();
    if (!known.has(keyOf(slice))) known.set(keyOf(slice), { slice, cut: null, contents: [] });
    this.#claims.set(old, known);
    return null;
  }

  /** Takes down what the slices of an old node read, before it runs. */
  note(old: Tensor, run: ExpressionRun): void {
    for (const claim of this.#claims.get(old)?.values() ?? []) {
      claim.cut = old.operation?.cut?.(old, claim.slice) ?? null;
      if (claim.cut === null) continue;
      for (const [slot, source] of old.sources.entries()) {
        const isRead = source !== null && source !== old;
        claim.contents.push(isRead ? run.contentOfSlice(source, claim.cut.operands[slot] ?? null) : null);
      }
    }
  }

  /** The cut by which a node is a slice of an old one; or why it is none. */
  check(node: Tensor, old: Tensor, slice: Slice, run: ExpressionRun): Cut | string {
    const claim = this.#claims.get(old)?.get(keyOf(slice));
    if (claim === undefined || isPureView(node)) return 'claims to be a slice of what has none';
    const { cut, contents } = claim;
    if (cut === null) return 'is a slice that its operation does not allow';
    if (node.operation !== old.operation) return 'is computed by another operation than what it is a slice of';
    const { before = 0, after = 0 } = cut;
    const shape = slicedShape(old.shape, { ...slice, from: slice.from - before, to: slice.to + after });
    if (node.type !== old.type || !sameShape(node, { shape })) return 'has another type or shape than its slice';
    if (!hasSettings(node, old, cut)) return 'has other settings than what it is a slice of';
    if (node.sources.length !== old.sources.length) return 'has other operands than what it is a slice of';
    for (const [slot, source] of node.sources.entries()) {
      const whole = old.sources[slot];
      const isSelf = (each: Tensor | null, owner: Tensor): boolean => each === null || each === owner;
      if (isSelf(source, node) || isSelf(whole, old)) {
        if ((source === null) === (whole === null) && (source === node) === (whole === old)) continue;
        return 'has other operands than what it is a slice of';
      }
      const operand = cut.operands[slot] ?? null;
      const expected = operand === null ? whole!.shape : slicedShape(whole!.shape, operand);
      const isAlike = source!.type === whole!.type && sameShape(source!, { shape: expected });
      if (!isAlike) return `reads another slice of its operand ${slot}`;
      if (!sameContent(run.contentOfSlice(source!, null), contents[slot]!))
        return `reads something else as its operand ${slot}`;
    }
    return cut;
  }
}

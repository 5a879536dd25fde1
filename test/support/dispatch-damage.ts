/**
 * Ways to break what the dispatches of a right plan for WebGPU bind, and the rule that each breaks.
 */
import type { Graph } from '../../src/graph/graph.js';
import type { PlanLike } from '../../src/verify/plan-like.js';
import type { DispatchBindings, WebGpuCheckOptions, WebGpuRule } from '../../src/webgpu/index.js';

/** What the check is given. */
export interface Checked {
  readonly graph: Graph;
  readonly plan: PlanLike;
  readonly dispatches: readonly DispatchBindings[];
  readonly options: WebGpuCheckOptions;
}

/** Damage to one dispatch: the same dispatch, broken, or null if it has not what is to be broken. */
type Damage = (dispatch: DispatchBindings, checked: Checked) => DispatchBindings | null;

export interface DispatchDamage {
  readonly rule: WebGpuRule;
  readonly damage: Damage;
}

/** The dispatch with a binding changed: by default the one of its result. */
function changed(
  dispatch: DispatchBindings,
  change: (binding: DispatchBindings['bindings'][number]) => object,
  at = dispatch.result?.binding,
): DispatchBindings | null {
  if (at === undefined) return null;
  const bindings = dispatch.bindings.map((each, index) => (index === at ? { ...each, ...change(each) } : each));
  return { ...dispatch, bindings };
}

const isInArena = ({ buffer }: DispatchBindings['bindings'][number]): boolean => typeof buffer === 'number';

/** A tensor elsewhere: an operand that the dispatch has. */
function withOperand(
  dispatch: DispatchBindings,
  change: (bound: NonNullable<DispatchBindings['operands'][number]>) => object | null,
): DispatchBindings | null {
  const at = dispatch.operands.findIndex((bound) => bound !== null);
  if (at === -1) return null;
  const operands = dispatch.operands.map((bound, index) => {
    if (index !== at) return bound;
    const moved = change(bound!);
    return moved === null ? null : { ...bound!, ...moved };
  });
  return { ...dispatch, operands };
}

export const DAMAGED_DISPATCHES: Readonly<Record<string, DispatchDamage>> = {
  'a size left out': {
    rule: 'binding-size',
    damage: (dispatch) => changed(dispatch, () => ({ size: undefined })),
  },
  'a size that is no multiple of 4': {
    rule: 'binding-size',
    damage: (dispatch) => changed(dispatch, ({ size }) => ({ size: size + 2 })),
  },
  'a size of 0': { rule: 'binding-size', damage: (dispatch) => changed(dispatch, () => ({ size: 0 })) },
  'a range behind the end of its chunk': {
    rule: 'binding-size',
    damage: (dispatch, { plan }) =>
      changed(dispatch, ({ buffer, offset, size }) => {
        return { size: typeof buffer === 'number' ? plan.chunks[buffer] - offset + 4 : size + 2 };
      }),
  },
  'an offset within a step': {
    rule: 'binding-offset',
    damage: (dispatch) => changed(dispatch, ({ offset }) => ({ offset: offset + 4 })),
  },
  'too many bindings': {
    rule: 'binding-count',
    damage: (dispatch) => {
      const extra = (index: number): object => ({ buffer: `extra ${index}`, offset: 0, size: 4, access: 'read' });
      const bindings = [...dispatch.bindings, ...Array.from({ length: 8 }, (_, index) => extra(index))];
      return dispatch.bindings.length === 0 ? null : { ...dispatch, bindings: bindings as never };
    },
  },
  'an operand for reading beside the result, in one chunk': {
    rule: 'mixed-access',
    damage: (dispatch) => {
      const { bindings, result } = dispatch;
      const own = result === null ? undefined : bindings[result.binding];
      const at = bindings.findIndex((each) => each !== own && each.buffer === own?.buffer);
      return at === -1 ? null : changed(dispatch, () => ({ access: 'read' }), at);
    },
  },
  'a range bound twice': {
    rule: 'aliasing',
    damage: (dispatch) => {
      const at = dispatch.bindings.findIndex(({ access }) => access === 'read-write');
      return at === -1 ? null : { ...dispatch, bindings: [...dispatch.bindings, dispatch.bindings[at]] };
    },
  },
  'a range that reaches into the next': {
    rule: 'aliasing',
    damage: (dispatch) => {
      const isWritten = dispatch.bindings.filter((each) => each.access === 'read-write' && isInArena(each));
      const [first, second] = isWritten.toSorted((a, b) => a.offset - b.offset);
      if (second === undefined || first.buffer !== second.buffer) return null;
      const size = second.offset - first.offset + 4;
      return changed(dispatch, () => ({ size }), dispatch.bindings.indexOf(first));
    },
  },
  'a residual forgotten, or wrong': {
    rule: 'wrong-place',
    damage: (dispatch) => withOperand(dispatch, ({ residual }) => ({ residual: residual === 0 ? 4 : 0 })),
  },
  'an operand that is not bound': { rule: 'wrong-place', damage: (dispatch) => withOperand(dispatch, () => null) },
  'an operand in another binding': {
    rule: 'wrong-place',
    damage: (dispatch) => {
      const at = dispatch.bindings.length;
      return at < 2 ? null : withOperand(dispatch, ({ binding }) => ({ binding: (binding + 1) % at }));
    },
  },
  'an operand in another chunk': {
    rule: 'wrong-place',
    damage: (dispatch) => {
      const at = dispatch.bindings.findIndex((each, index) => {
        return isInArena(each) && dispatch.operands.some((bound) => bound?.binding === index);
      });
      return at === -1 ? null : changed(dispatch, ({ buffer }) => ({ buffer: Number(buffer) + 1 }), at);
    },
  },
  'an operand that reaches out of its binding': {
    rule: 'wrong-place',
    damage: (dispatch, { graph: { tensors } }) => {
      const [node] = dispatch.nodes;
      const slot = node.sources.findIndex((each) => each !== null && each.byteLength > 4 && tensors.includes(each));
      const bound = dispatch.operands[slot];
      return bound ? changed(dispatch, () => ({ size: bound.residual + 4 }), bound.binding) : null;
    },
  },
  'a result for reading': {
    rule: 'wrong-access',
    damage: (dispatch) => changed(dispatch, () => ({ access: 'read' })),
  },
  'nodes at once that the runtime computes one by one': {
    rule: 'wrong-dispatch',
    damage: (dispatch, { dispatches }) => {
      const before = dispatches[dispatches.indexOf(dispatch) - 1] as DispatchBindings | undefined;
      const [node] = dispatch.nodes;
      if (before === undefined || (before.nodes[0].op === 'RMS_NORM' && node.op === 'MUL')) return null;
      const operands = [...before.operands, ...dispatch.operands];
      return { ...dispatch, nodes: [...before.nodes, ...dispatch.nodes], operands };
    },
  },
};

/**
 * Right plans and dispatches, broken on purpose: each kind of damage is found by the rule that claims it, at the node that
 * was damaged.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context, Graph, planGraph, PlannerError, verifyPlan } from '../../src/index.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import {
  dispatchesOf,
  verifyDispatches,
  WEBGPU,
  webgpuTarget,
  type StorageAccess,
  type WebGpuCheckOptions,
  type WebGpuViolation,
} from '../../src/webgpu/index.js';
import { DAMAGED_DISPATCHES, type Checked } from '../support/dispatch-damage.js';

const operands = fc.constantFrom<StorageAccess>('read-write', 'read');

function checkedOf(graph: Graph, access: StorageAccess): Checked {
  const target = webgpuTarget({}, { operands: access });
  const plan = planGraph(graph, { target });
  return { graph, plan, dispatches: dispatchesOf(graph, plan, target), options: {} };
}

const check = ({ graph, plan, dispatches, options }: Checked): WebGpuViolation[] =>
  verifyDispatches(graph, plan, dispatches, options);

const RUNS = 60;

/** Breaks many cases, and expects the violation in each that can be broken. */
function expectFound(
  damage: (checked: Checked, choice: number) => readonly [Checked, Partial<WebGpuViolation>] | null,
): void {
  let count = 0;
  const property = fc.property(arbitraryGraph({ maxMoves: 10 }), operands, fc.nat(), (graph, access, choice) => {
    const checked = checkedOf(graph, access);
    expect(check(checked)).toEqual([]);
    const damaged = damage(checked, choice);
    if (damaged === null) return;
    count++;
    const [broken, expected] = damaged;
    const found = check(broken);
    const isExpected = (each: WebGpuViolation): boolean =>
      (Object.keys(expected) as (keyof WebGpuViolation)[]).every((key) => each[key] === expected[key]);
    const messages = found.map(({ message }) => message).join('; ');
    expect(found.some(isExpected), `${expected.rule} at ${expected.command} in ${messages}`).toBe(true);
  });
  fc.assert(property, { numRuns: RUNS });
  expect(count).toBeGreaterThan(RUNS / 10);
}

describe('a dispatch with', () => {
  it.each(Object.entries(DAMAGED_DISPATCHES))('%s', (_, { rule, damage }) => {
    expectFound((checked, choice) => {
      const { dispatches } = checked;
      if (dispatches.length === 0) return null;
      const index = choice % dispatches.length;
      const damaged = damage(dispatches[index], checked);
      if (damaged === null) return null;
      const node = damaged.nodes[damaged.nodes.length - 1];
      return [
        { ...checked, dispatches: dispatches.with(index, damaged) },
        { rule, node, command: index },
      ];
    });
  });
});

describe('dispatches of which', () => {
  const broken = { rule: 'wrong-dispatch' } as const;

  it('one is missing', () => {
    expectFound((checked, choice) => {
      const { dispatches } = checked;
      if (dispatches.length === 0) return null;
      const index = choice % dispatches.length;
      const [node] = dispatches[index].nodes;
      return [
        { ...checked, dispatches: dispatches.toSpliced(index, 1) },
        { ...broken, node, command: null },
      ];
    });
  });

  it('one runs twice', () => {
    expectFound((checked, choice) => {
      const { dispatches } = checked;
      if (dispatches.length === 0) return null;
      const index = choice % dispatches.length;
      const twice = dispatches.toSpliced(index, 0, dispatches[index]);
      return [
        { ...checked, dispatches: twice },
        { ...broken, node: dispatches[index].nodes[0], command: index + 1 },
      ];
    });
  });

  it('two have changed places', () => {
    expectFound((checked, choice) => {
      const { dispatches } = checked;
      if (dispatches.length < 2) return null;
      const index = choice % (dispatches.length - 1);
      const [first, second] = dispatches.slice(index, index + 2);
      const swapped = dispatches.with(index, second).with(index + 1, first);
      return [
        { ...checked, dispatches: swapped },
        { ...broken, node: first.nodes[0], command: index + 1 },
      ];
    });
  });

  it('one is of another graph', () => {
    expectFound((checked) => {
      const { dispatches } = checked;
      if (dispatches.length === 0) return null;
      const [node] = dispatches[0].nodes;
      const stranger = { ...dispatches[0], nodes: [Object.create(node) as typeof node] };
      return [
        { ...checked, dispatches: [...dispatches, stranger] },
        { ...broken, command: dispatches.length },
      ];
    });
  });
});

describe('a plan with', () => {
  it('a chunk larger than a buffer', () => {
    expectFound((checked) => {
      const plan = { ...checked.plan, chunks: [2 ** 28 + 256] };
      return [
        { ...checked, plan },
        { rule: 'buffer-size', node: null, command: null },
      ];
    });
  });

  it('a tensor elsewhere', () => {
    expectFound((checked) => {
      const { graph, plan, dispatches } = checked;
      const { result, nodes } = dispatches.findLast(({ nodes: [node] }) => !node.isView) ?? {};
      if (!result || nodes === undefined) return null;
      const id = graph.tensors.indexOf(nodes[0]);
      const tensors = plan.tensors.map((entry) => (entry.id === id ? { ...entry, offset: entry.offset + 256 } : entry));
      return [
        { ...checked, plan: { ...plan, tensors } },
        { rule: 'wrong-place', node: nodes[0] },
      ];
    });
  });
});

it('checks the limits that it is given', () => {
  expectFound((checked) => {
    const index = checked.dispatches.findIndex(({ bindings }) => bindings.some(({ size }) => size > 32));
    if (index === -1) return null;
    const options = { limits: { maxStorageBufferBindingSize: 32 } };
    return [
      { ...checked, options },
      { rule: 'binding-size', node: checked.dispatches[index].nodes[0], command: index },
    ];
  });
});

it('finds storages outside of the arena where the caller says that they are', () => {
  const weight = Context.virtual().newTensor('f32', [64, 64], 'weight');
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [64], 'x'));
  const graph = Graph.forward(ctx.setOutput(ctx.mulMat(weight, x)));
  const target = webgpuTarget();
  const plan = planGraph(graph, { target });
  const at = (offset: number) => () => ({ buffer: 'weights', offset });
  const dispatches = dispatchesOf(graph, plan, target, at(512));
  expect(verifyDispatches(graph, plan, dispatches, { outside: at(512) })).toEqual([]);
  const rulesOf = (options: WebGpuCheckOptions): string[] =>
    verifyDispatches(graph, plan, dispatches, options).map(({ rule }) => rule);
  expect(rulesOf({})).toEqual(['wrong-place']);
  expect(rulesOf({ outside: at(256) })).toEqual(['wrong-place']);
  expect(rulesOf({ outside: at(512), buffers: new Map([['weights', 4096 + 512]]) })).toEqual(['binding-size']);
});

it('refuses a plan that reuses operands for which the runtime has no kernel', () => {
  let refused = 0;
  fc.assert(
    fc.property(arbitraryGraph(), (graph) => {
      const plan = planGraph(graph, {
        alignment: 256,
        runtime: { ...WEBGPU, name: 'any', reuses: undefined as never },
      });
      const overwriting = plan.shares.filter(({ id, why }) => {
        const node = graph.tensors[id];
        return why === 'reuse' && !node.isView && node.operation !== null && !(node.op in WEBGPU.reuses!);
      });
      const found = verifyPlan(graph, plan, { runtime: WEBGPU }).filter(({ kind }) => kind === 'in-place-not-allowed');
      for (const { id } of overwriting) expect(found.map(({ ids }) => ids[1])).toContain(id);
      if (overwriting.length > 0) refused++;
    }),
    { numRuns: RUNS },
  );
  expect(refused).toBeGreaterThan(RUNS / 20);
});

it('says what is no dispatch, no command and no list of buffers', () => {
  const graph = fc.sample(arbitraryGraph(), 1)[0];
  const plan = planGraph(graph);
  const refused: readonly (() => unknown)[] = [
    () => verifyDispatches(graph, plan, [{}] as never),
    () => verifyDispatches(graph, plan, [], { commands: [{ kind: 'copy' }] as never }),
    () => verifyDispatches(graph, plan, [], { commands: [{ kind: 'paste' }] as never }),
    () => verifyDispatches(graph, plan, [], { buffers: {} as never }),
    () => verifyDispatches(graph, plan, [], { outside: {} as never }),
  ];
  for (const call of refused) expect(call).toThrow(PlannerError);
});

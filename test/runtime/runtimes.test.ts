/** Runtimes as options: names, rules of one's own, and what is refused. */
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { findOperation } from '../../src/dialects/ggml/operations.js';
import { measureGraph } from '../../src/plan/measure.js';
import { planGraph } from '../../src/plan/plan.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { RUNTIMES, type RuntimeName } from '../../src/runtime/runtimes.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';

const NAMES = Object.keys(RUNTIMES) as RuntimeName[];

const ctx = Context.deferred();
const x = ctx.setInput(ctx.newTensor('f32', [8, 4], 'x'));
const graph = Graph.forward(ctx.setOutput(ctx.exp(ctx.neg(x))));

/** A runtime that computes `neg` and `exp` at once, and reads whole tensors first. */
const OWN: Runtime = {
  name: 'own',
  fusions: [
    [
      { op: 'NEG', operands: 'never' },
      { op: 'EXP', operands: 'element' },
    ],
  ],
};

/** The error that says so. */
const refusal = (message: string): unknown =>
  expect.objectContaining({
    code: 'BAD_ARGUMENT',
    culprit: 'runtime',
    message: expect.stringContaining(message) as unknown,
    remedy: expect.stringMatching(/^(Name one of ggml-cpu,|Give|Write) .*\.$/) as unknown,
  });

describe('runtimes', () => {
  it('are called by their name, and by no other', () => {
    for (const name of NAMES) expect(RUNTIMES[name].name).toBe(name);
    expect(NAMES).toEqual(['ggml-cpu', 'ggml-cuda', 'ggml-metal', 'ggml-vulkan', 'none']);
  });

  it('fuse operations that the table knows, two at least', () => {
    for (const { fusions } of Object.values<Runtime>(RUNTIMES)) {
      for (const rule of fusions) {
        for (const { op } of rule) expect(findOperation(op), op).toBeDefined();
        expect(rule.reduce((sum, { most = 1 }) => sum + most, 0)).toBeGreaterThan(1);
      }
    }
  });

  it('are recorded: by name in a plan file, with the rules in a plan', () => {
    expect(measureGraph(graph).runtime).toBe('ggml-cpu');
    for (const runtime of NAMES) {
      const plan = planGraph(graph, { runtime });
      expect([plan.runtime, plan.toJSON().runtime]).toEqual([runtime, runtime]);
    }
    const plan = planGraph(graph, { runtime: OWN });
    expect([plan.runtime, plan.toJSON().runtime]).toEqual([OWN, 'own']);
    expect(verifyPlan(graph, plan)).toEqual([]);
  });

  it('must be named again where only the name of rules of your own is left', () => {
    const plan = planGraph(graph, { runtime: OWN }).toJSON();
    expect(() => verifyPlan(graph, plan)).toThrow(refusal('The runtime "own" is unknown. '));
    expect(() => replayPlan(graph, plan)).toThrow(refusal('The runtime "own" is unknown. '));
    expect(verifyPlan(graph, plan, { runtime: OWN })).toEqual([]);
    expect(replayPlan(graph, plan, { runtime: OWN })).toEqual([]);
  });

  it('overwrite no operand but those that their rows name', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [64]));
    const chain = Graph.forward(ctx.setOutput(ctx.relu(ctx.sqr(x))));
    const runtime = { name: 'careful', fusions: [], reuses: { RELU: [0], toString: [0] } };
    for (const reuse of ['full', 'ggml'] as const) {
      const plan = planGraph(chain, { runtime, reuse });
      expect(plan.shares.map(({ id }) => chain.tensors[id].op)).toEqual(['RELU']);
      expect(verifyPlan(chain, plan)).toEqual([]);
      const [found, ...others] = verifyPlan(chain, planGraph(chain, { reuse }), { runtime });
      expect(found).toMatchObject({ kind: 'in-place-not-allowed', ids: [0, 1] });
      expect(others).toEqual([]);
    }
    const none = { ...runtime, reuses: {} };
    expect(planGraph(chain, { runtime: none }).shares).toEqual([]);
  });

  it.each([
    ['ggml', 'The runtime "ggml" is unknown. Name one of ggml-cpu, '],
    ['toString', 'The runtime "toString" is unknown. '],
    [null, 'The runtime has no name. '],
    [7, 'The runtime has no name. '],
    [{ fusions: [] }, 'The runtime has no name. '],
    [{ name: 'mine' }, 'The runtime mine has no list of fusions. '],
    [{ name: 'mine', fusions: [], reuses: { ADD: 0 } }, 'The runtime mine has reuses that are no lists of slots. '],
    [{ name: 'none', fusions: [] }, 'The runtime none has the name of one that the library knows, but other rules. '],
    [
      { name: 'mine', fusions: [[{ op: 'ADD', operands: 'element' }]] },
      'The runtime mine has a rule whose fusions[0] matches 1 node, not 2 to 32. Give 2 to 32 nodes, ',
    ],
    [
      { name: 'mine', fusions: [OWN.fusions[0], [{ op: 'ADD', operands: 'element', most: 33 }]] },
      'The runtime mine has a rule whose fusions[1][0].most is 33, not an integer from 1 to 32. ',
    ],
    [
      { name: 'mine', fusions: [[{ op: 'ADD', operands: 'late', most: 2 }]] },
      'The runtime mine has a rule whose fusions[0][0].operands is "late", not element, row or never. ',
    ],
    [
      { name: 'mine', fusions: [[{ op: 'ADD', operands: 'row', most: 2.5 }]] },
      'The runtime mine has a rule whose fusions[0][0].most is 2.5, not an integer from 1 to 32. ',
    ],
    [{ name: 'mine', fusions: [[null, null]] }, 'The runtime mine has a rule whose fusions[0][0] is null, '],
    [
      { name: 'mine', fusions: ['ADD'] },
      'The runtime mine has a rule whose fusions[0] is "ADD", not a list of nodes. ',
    ],
    [
      { name: 'mine', fusions: [[{ op: 'ADD', operands: 'row', most: 0 }]] },
      'The runtime mine has a rule whose fusions[0][0].most is 0, not an integer from 1 to 32. ',
    ],
    [
      { name: 'mine', fusions: [[OWN.fusions[0][0], { op: 'RMSNORM', operands: 'row' }]] },
      'fusions[0][1].op is "RMSNORM", which is not the name of an operation. Write RMS_NORM, as ggml does.',
    ],
    [
      { name: 'mine', fusions: [[{ op: 'mul_mat', operands: 'never' }, OWN.fusions[0][0]]] },
      'fusions[0][0].op is "mul_mat", which is not the name of an operation. Write MUL_MAT, as ggml does.',
    ],
  ])('%j is refused', (runtime, message) => {
    const options = { runtime } as { runtime: Runtime };
    const plan = planGraph(graph);
    for (const use of [
      () => planGraph(graph, options),
      () => measureGraph(graph, options),
      () => verifyPlan(graph, plan, options),
      () => replayPlan(graph, plan, options),
    ]) {
      expect(use).toThrow(refusal(message));
    }
  });
});

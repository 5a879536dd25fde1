/** What a failed property prints: TypeScript that rebuilds the counterexample. */
import fc from 'fast-check';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import * as lib from '../../src/index.js';
import {
  arbitraryGraph,
  arbitraryLimitedProblem,
  arbitraryProblem,
  describeGraph,
  type LimitedProblem,
} from '../../src/testing/index.js';

/** Runs printed code as a test would that it is pasted into: with the names that the package exports. */
function evaluate(code: string): unknown {
  const names = ['createProblem', 'Context', 'Graph'] as const;
  const { outputText } = ts.transpileModule(`return ${code};`, { reportDiagnostics: true });
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- runs what was printed, on purpose
  return (new Function(...names, outputText) as (...args: unknown[]) => unknown)(...names.map((name) => lib[name]));
}

const samples = { numRuns: 200 };

describe('a problem', () => {
  it('prints as a call that makes it', () => {
    fc.assert(
      fc.property(arbitraryProblem({ fixedOffsets: true }), (problem) => {
        expect(evaluate(fc.stringify(problem))).toEqual(problem);
      }),
      samples,
    );
  });

  it('prints so with its limits, and in the report of a failure', () => {
    const find = (seed: number) =>
      fc.check(
        fc.property(arbitraryLimitedProblem({ fixedOffsets: true }), ({ problem }) => problem.fixedOffsets === null),
        { seed, numRuns: 500 },
      );
    const { counterexample, failed } = find(1);
    expect(failed).toBe(true);
    const printed = fc.stringify(counterexample![0]);
    expect(printed).toContain('fixedOffset: ');
    const { problem, limits } = evaluate(`(${printed})`) as LimitedProblem;
    expect([problem, limits]).toEqual([counterexample![0].problem, counterexample![0].limits]);
    expect(problem.bufferCount).toBe(1);
  });
});

describe('a graph', () => {
  it('prints as an expression that makes it', () => {
    fc.assert(
      fc.property(arbitraryGraph(), (graph) => {
        const again = evaluate(fc.stringify(graph)) as lib.Graph;
        expect(describeGraph(again)).toBe(describeGraph(graph));
        expect(lib.graphToJson(again)).toEqual(lib.graphToJson(graph));
        expect(lib.planGraph(again).toJSON()).toEqual(lib.planGraph(graph).toJSON());
      }),
      samples,
    );
  });

  it('prints as little as a person would write', () => {
    const { counterexample } = fc.check(
      fc.property(arbitraryGraph(), (graph) => graph.nodes.every(({ op }) => op !== 'RELU')),
      { seed: 1 },
    );
    expect(fc.stringify(counterexample![0])).toBe(
      [
        '(() => {',
        '  const ctx = Context.deferred();',
        '  const t0 = ctx.newTensor("f32", [4, 4]); // f32 [4, 4, 1, 1]',
        '  ctx.setInput(t0);',
        '  const t1 = ctx.relu(t0); // f32 [4, 4, 1, 1]',
        '  return Graph.forward([t1]);',
        '})()',
      ].join('\n'),
    );
  });
});

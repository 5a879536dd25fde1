/**
 * Every rule that is said to be ggml's, against `ggml_build_backward_expand` of llama.cpp b10573: small graphs of each operation,
 * with and without accumulators, of which all nodes were recorded with names, operands, layouts and settings.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { GRADIENT_RULES, gradients } from '../../src/autodiff/index.js';
import { Context } from '../../src/dialects/ggml/context.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { firstDifference } from '../support/compare-graphs.js';
import { asRecorded, paramsOf } from '../support/op-params.js';
import { projectPath } from '../support/shared-data.js';
import { graphOf, type UnplacedGraph } from '../support/training-cases.js';

interface RecordedRule {
  /** The operation, and what is special. */
  readonly name: string;
  /** Whether each parameter has an accumulator. */
  readonly accumulates: boolean;
  readonly forward: UnplacedGraph;
  readonly backward: UnplacedGraph;
}

const text = gunzipSync(readFileSync(projectPath('test/autodiff/ggml-rules.ndjson.gz'))).toString('utf8');
const recordings = text
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as RecordedRule);

describe('the rules of ggml', () => {
  it('were all recorded', () => {
    const seen = new Set(recordings.map(({ name }) => name.split(/[ ,]/)[0]));
    const named = GRADIENT_RULES.filter(({ source }) => source === 'ggml').map(({ operation }) => operation.name);
    expect(named.filter((name) => !seen.has(name))).toEqual([]);
    expect(recordings.length).toBeGreaterThan(100);
  });

  it.each(recordings)('$name', ({ accumulates, forward, backward }) => {
    const graph = graphOf(forward);
    const flagged = (flag: 'param' | 'loss'): Tensor[] => graph.tensors.filter((_, id) => forward.tensors[id][flag]);
    const [[loss], parameters] = [flagged('loss'), flagged('param')];
    const lasting = Context.virtual();
    const accumulated = accumulates ? [...parameters, loss] : [loss];
    const accumulators = new Map(accumulated.map((tensor) => [tensor, lasting.newTensor('f32', tensor.ne)]));
    const found = gradients(graph, loss, parameters, { accumulators }).graph;
    expect(firstDifference(found, backward)).toBe(null);
    found.nodes.forEach((node, index) => {
      const recorded = paramsOf(backward.tensors[backward.nodes[index]]);
      if (recorded !== undefined) expect(asRecorded(node.params)).toMatchObject(asRecorded(recorded));
    });
  });
});

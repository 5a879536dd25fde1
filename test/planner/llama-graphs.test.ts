/** What is reserved for llama.cpp's largest batch and context holds all smaller ones, of every architecture. */
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readGguf } from '../../src/gguf/gguf.js';
import type { Graph } from '../../src/graph/graph.js';
import { Planner, planFamily, verifyPlan, type Dims } from '../../src/index.js';
import { readModel, type ModelHeader } from '../../src/models/model-graph.js';
import type { Phase } from '../../src/models/options.js';
import { compareExecutions } from '../../src/testing/compare-executions.js';
import { describeShared, partOf, sharedPath } from '../support/shared.js';
import { runsOf } from '../support/runs.js';
import { tinyGemma2, tinyLlama, tinyPhi3 } from '../support/tiny-models.js';

const LARGEST = { ubatch: 64, steps: 4 };
/** llama.cpp's contexts are multiples of this. */
const STEP = 256;

type Lengths = Dims<'ubatch' | 'steps'>;

/** Models that have no flash attention in llama.cpp. */
const WITHOUT_FLASH = ['plm'];

function graphOf(model: ModelHeader, { ubatch, steps }: Lengths, phase: Phase = 'pp'): Graph {
  const flashAttention = !WITHOUT_FLASH.includes(model.architecture);
  const sizes = { ctxSize: steps * STEP, ubatchSize: ubatch, batchSize: ubatch };
  return model.withOptions({ ...sizes, flashAttention, parallel: 1 }).graph(phase);
}

/** A draft that reads its target's cache has no graph of its own. */
const headers = readdirSync(sharedPath('archs')).filter((name) => /^(?!.*-min|gemma4-assistant).*\.gguf$/.test(name));

describeShared('reserved for the largest prompt and for one token', () => {
  it.each(partOf(headers.map((name) => ({ name: basename(name, '.gguf') }))))('$name', async ({ name }) => {
    const model = readModel(await readGguf(sharedPath('archs', `${name}.gguf`)));
    const planner = new Planner().reserve([graphOf(model, LARGEST), graphOf(model, LARGEST, 'tg')]);
    for (const ubatch of [1, 2, 7, 33, 64]) {
      for (const steps of [1, 3]) {
        const graph = graphOf(model, { ubatch, steps });
        expect(verifyPlan(graph, planner.plan(graph))).toEqual([]);
      }
    }
    expect(planner.lastReplan).toBeNull();
  });
});

it('a model of a family computes the same in its arena as in separate memory', async () => {
  const models = await Promise.all([tinyLlama(), tinyPhi3(), tinyGemma2()]);
  const families = models.map((gguf) => {
    const model = readModel(gguf);
    return planFamily((lengths: Lengths) => graphOf(model, lengths), { ubatch: [1, 8], steps: [1, 2] });
  });
  const points = fc.record({ ubatch: fc.integer({ min: 1, max: 2 }), steps: fc.integer({ min: 1, max: 2 }) });
  fc.assert(
    fc.property(fc.constantFrom(...families), points, (family, lengths) => {
      const plan = family.at(lengths);
      expect(compareExecutions(plan.graph, plan)).toEqual([]);
    }),
    { numRuns: runsOf(5) },
  );
});

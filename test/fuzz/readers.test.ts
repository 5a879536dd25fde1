/**
 * Damaged input for every reader of the library: a result that the rest can work with, or a `PlannerError`; nothing else.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALLOCATORS } from '../../src/solver/allocators.js';
import { graphFromJson } from '../../src/graph/json-reader.js';
import { graphToJson } from '../../src/graph/json.js';
import { readGguf } from '../../src/gguf/index.js';
import { measureModel } from '../../src/models/measure-model.js';
import { planGraph } from '../../src/plan/plan.js';
import { parseProblemCsv } from '../../src/problem/csv.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { whyNotExecutable } from '../../src/exec/reference/execute.js';
import { compareExecutions } from '../../src/testing/compare-executions.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlacement } from '../../src/verify/placement.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import type { PlanLike } from '../../src/verify/plan-like.js';
import { byteDamage, callReader, damageBytes, damageJson, jsonDamage } from '../support/damage.js';
import { tinyLlama } from '../support/tiny-models.js';
import { projectPath } from '../support/shared.js';

const rejections: unknown[] = [];
const remember = (reason: unknown): void => void rejections.push(reason);

beforeAll(() => {
  process.on('unhandledRejection', remember);
});

afterAll(async () => {
  await new Promise((resolve) => setTimeout(resolve, 50));
  process.off('unhandledRejection', remember);
  expect(rejections).toEqual([]);
});

/** Graphs of this size are worth replaying and running; others only have to be read and planned. */
const RUNNABLE_BYTES = 2 ** 24;

it('graph JSON', async () => {
  let readable = 0;
  await fc.assert(
    fc.asyncProperty(arbitraryGraph({ maxMoves: 8 }), jsonDamage, async (original, damages) => {
      const document = damageJson(graphToJson(original), damages);
      await callReader(() => {
        const graph = graphFromJson(document);
        const plan = planGraph(graph);
        readable++;
        if (graph.tensors.reduce((sum, { byteLength }) => sum + byteLength, 0) > RUNNABLE_BYTES) return;
        expect(verifyPlan(graph, plan)).toEqual([]);
        expect(replayPlan(graph, plan)).toEqual([]);
        expect(replayPlan(graph, plan, { order: 'stated' }).filter(({ kind }) => kind !== 'unordered')).toEqual([]);
        if (whyNotExecutable(graph) === null) expect(compareExecutions(graph, plan)).toEqual([]);
        expect(graphToJson(graphFromJson(graphToJson(graph)))).toEqual(graphToJson(graph));
      });
    }),
    { numRuns: 2000 },
  );
  expect(readable).toBeGreaterThan(50); // the damage is not all alike
});

it('plans, as data', async () => {
  const found = { right: 0, wrong: 0 };
  await fc.assert(
    fc.asyncProperty(arbitraryGraph({ maxMoves: 8 }), jsonDamage, async (graph, damages) => {
      const plan = damageJson(planGraph(graph).toJSON(), damages) as PlanLike;
      await callReader(() => {
        const violations = verifyPlan(graph, plan);
        const others = [...replayPlan(graph, plan), ...replayPlan(graph, plan, { order: 'stated' })];
        if (violations.length === 0) expect(others).toEqual([]);
        found[violations.length === 0 ? 'right' : 'wrong']++;
        const differences = compareExecutions(graph, plan);
        if (violations.length === 0) expect(differences).toEqual([]);
      });
    }),
    { numRuns: 1000 },
  );
  expect(Math.min(found.right, found.wrong)).toBeGreaterThan(50);
});

it('problem CSV', async () => {
  const row = fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 64 }), fc.nat(3));
  const text = fc.array(row, { minLength: 1, maxLength: 8 }).map((rows) => {
    const lines = rows.map(
      ([lower, length, size, log2], id) => `b${id},${lower},${lower + length},${size},${2 ** log2}`,
    );
    return ['id,lower,upper,size,alignment', ...lines].join('\n');
  });
  let readable = 0;
  await fc.assert(
    fc.asyncProperty(text, byteDamage, async (original, damages) => {
      const damaged = new TextDecoder().decode(damageBytes(new TextEncoder().encode(original), damages));
      await callReader(() => {
        const { problem } = parseProblemCsv(damaged);
        expect(verifyPlacement(problem, ALLOCATORS['greedy-by-size'].place(problem))).toEqual([]);
        readable++;
      });
    }),
    { numRuns: 2000 },
  );
  expect(readable).toBeGreaterThan(20);
});

it('CSV that is no text of ours', async () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...'id,lower upper\n\r"size;0123-')).map((all) => all.join('')),
  );
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      await callReader(() => parseProblemCsv(text));
    }),
    { numRuns: 1000 },
  );
});

it('GGUF', async () => {
  // Everything but the bulk of the vocabulary, so that the damage hits something.
  const header = new Uint8Array(readFileSync(projectPath('examples/phi-3-mini-4k.gguf')));
  let readable = 0;
  await fc.assert(
    fc.asyncProperty(byteDamage, fc.boolean(), async (damages, hitsTheStart) => {
      const near = damages.map((damage) => ({ ...damage, at: damage.at % (hitsTheStart ? 1500 : header.length) }));
      const gguf = await callReader(() => readGguf(damageBytes(header, near)));
      if (gguf === undefined) return;
      readable++;
      await callReader(() => measureModel(gguf, { ctxSize: 64 }));
    }),
    { numRuns: 250 },
  );
  expect(readable).toBeGreaterThan(3); // of some fourteen
});

describe('names that objects have anyway', () => {
  const names = ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'valueOf', 'length', 'then'];
  const graph = fc.sample(arbitraryGraph({ maxMoves: 8 }), { seed: 1, numRuns: 1 })[0];
  /** JSON in which the name can be an own key even if it is `__proto__`. */
  const parsed = (text: string, name: string): unknown => JSON.parse(text.replaceAll('NAME', name));

  it.each(names)('%s in graph JSON', async (name) => {
    const json = graphToJson(graph);
    for (const [index] of json.tensors.entries()) {
      for (const field of ['name', 'op', 'type', 'params', 'src', 'NAME'] as const) {
        const tensors = json.tensors.map((tensor, i) => (i === index ? { ...tensor, [field]: 'NAME' } : tensor));
        const document = parsed(JSON.stringify({ ...json, tensors, NAME: { polluted: true } }), name);
        await callReader(() => {
          const read = graphFromJson(document);
          expect(verifyPlan(read, planGraph(read))).toEqual([]);
          expect(JSON.parse(JSON.stringify(graphToJson(read)))).toMatchObject({ format: 'tensor-graph' });
        });
      }
    }
    const settings = JSON.stringify({
      ...json,
      tensors: json.tensors.map((each) => ({ ...each, params: { NAME: { polluted: true } } })),
    });
    await callReader(() => planGraph(graphFromJson(parsed(settings, name))));
  });

  it.each(names)('%s in plans', async (name) => {
    const plan = planGraph(graph).toJSON();
    const entry = { id: 'NAME', chunk: 'NAME', offset: 'NAME', NAME: { polluted: true } };
    for (const [index] of plan.tensors.entries()) {
      for (const field of ['id', 'chunk', 'offset', 'NAME'] as const) {
        const tensors = plan.tensors.map((each, i) => (i === index ? { ...each, [field]: entry[field] } : each));
        const document = parsed(JSON.stringify({ ...plan, tensors, NAME: { polluted: true } }), name) as PlanLike;
        await callReader(() => {
          // A field that nobody knows makes no plan wrong; a name where a number belongs does.
          expect(verifyPlan(graph, document).length > 0).toBe(field !== 'NAME');
          replayPlan(graph, document);
        });
      }
    }
  });

  it.each(names)('%s in problem CSV', async (name) => {
    const { problem, ids } = parseProblemCsv(`id,lower,upper,size\n${name},0,2,4\nb,1,3,4\n`);
    expect([ids[0], problem.bufferCount]).toEqual([name, 2]);
    for (const header of [`${name},lower,upper,size`, `id,lower,upper,size,${name}`, `id,id,lower,upper,size`]) {
      expect(await callReader(() => parseProblemCsv(`${header}\na,0,2,4,1\n`))).toBeUndefined();
    }
  });

  it.each(names)('%s in GGUF metadata', async (name) => {
    for (const key of [name, `general.${name}`, `tokenizer.${name}`, `attention.${name}`, 'general.architecture']) {
      const value = key === 'general.architecture' ? name : 'polluted';
      await callReader(async () => measureModel(await tinyLlama({ metadata: { [key]: value } }), { ctxSize: 64 }));
    }
    await callReader(async () => measureModel(await tinyLlama({ tensors: { [name]: [4] } }), { ctxSize: 64 }));
  });
});

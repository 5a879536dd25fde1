/**
 * Every operation: small models with known results.
 *
 * `operators.ndjson.gz` holds models of the test suite that the ONNX project generates for its operations (Apache-2.0), at
 * most two dozen for each operation, with the shapes of the inputs and of the expected outputs. Inputs of few numbers have
 * become constants, since shapes follow from many of them. Versions above 24 are read as 24: these models are the same.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { findOnnxOperation, OPERATIONS } from '../../src/dialects/onnx/operations.js';
import { PlannerError } from '../../src/errors.js';
import { infer } from '../../src/onnx/infer.js';
import { resolveOnnxOptions } from '../../src/onnx/options.js';
import { graphFromOnnx, readOnnx } from '../../src/onnx/index.js';
import { measureGraph } from '../../src/index.js';
import { projectPath } from '../support/shared.js';

interface Case {
  readonly name: string;
  readonly model: string;
  readonly inputs: Record<string, readonly number[]>;
  /** A shape, or `sequence` for a list. */
  readonly outputs: readonly (readonly number[] | string)[];
}

const cases = gunzipSync(readFileSync(projectPath('test/onnx/operators.ndjson.gz')))
  .toString()
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Case);

/** Why some cannot be planned: what comes from outside is no tensor, or only a run tells a shape. */
const REFUSED =
  /is a list, a map or of an unknown type|is of version 8, which has a batch|with a list in its place|only a run tells/;

async function shapesOf({ model: bytes, inputs: given }: Case): Promise<string> {
  const model = await readOnnx(Buffer.from(bytes, 'base64'));
  const opsets = { ...model.opsets, '': Math.min(24, Math.max(7, model.opsets[''])) };
  const inputs = Object.fromEntries(model.inputs.flatMap(({ name }) => (name in given ? [[name, given[name]]] : [])));
  const { outputs } = infer({ ...model, opsets }, resolveOnnxOptions({ inputs }));
  measureGraph(graphFromOnnx({ ...model, opsets }, { inputs }));
  for (const [index, { type }] of model.outputs.entries()) {
    if (type !== null && outputs[index].items === null) expect(outputs[index].known.type.name).toBe(type.name);
  }
  return JSON.stringify(outputs.map(({ items, known }) => (items === null ? known.shape : 'sequence')));
}

describe('operations', () => {
  it('have the results that the ONNX project expects, or a reason why not', async () => {
    const wrong: string[] = [];
    const refused = new Map<string, string>();
    for (const each of cases) {
      try {
        const found = await shapesOf(each);
        if (found !== JSON.stringify(each.outputs)) wrong.push(`${each.name}: ${found}`);
      } catch (error) {
        if (!(error instanceof PlannerError)) throw error;
        refused.set(each.name, error.message);
      }
    }
    expect(wrong).toEqual([]);
    expect([...refused].filter(([, message]) => !REFUSED.test(message))).toEqual([]);
    expect(cases.length - refused.size).toBeGreaterThan(1100);
  });

  it('are each met in some file, but for few', async () => {
    const met = new Set<string>();
    for (const { model } of cases) {
      const { graph } = await readOnnx(Buffer.from(model, 'base64'));
      for (const { domain, op } of graph.nodes) met.add(domain === '' ? op : `${domain}.${op}`);
    }
    const unmet = [...OPERATIONS.keys()].filter((name) => !name.startsWith('com.microsoft.') && !met.has(name));
    expect(unmet.sort()).toEqual(UNMET);
  });

  it('are not found by other names', () => {
    expect(findOnnxOperation('conv')).toBeUndefined();
    expect(findOnnxOperation('constructor')).toBeUndefined();
  });
});

/** Without a model in that suite; `made-models.test.ts` has one of each. */
const UNMET: readonly string[] = [
  'ConcatFromSequence',
  'GlobalLpPool',
  'MaxRoiPool',
  'Multinomial',
  'Optional',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'SequenceAt',
  'SequenceConstruct',
  'SequenceErase',
  'SimplifiedLayerNormalization',
  'Workspace',
];

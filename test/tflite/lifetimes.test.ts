/**
 * Which buffers meet in a graph, beside the lifetimes that TFLite Micro's `AllocationInfoBuilder` marks, which are worked
 * out here from the file alone: a scope for each operator and each run of a subgraph.
 */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { planGraph } from 'tensor-arena';
import { graphFromTflite, readTflite, TFLITE_CONVENTIONS, type TfliteModel } from 'tensor-arena/tflite';
import { describeShared, sharedIsPresent, sharedPath } from '../support/shared.js';
import { tfliteFile } from '../support/tflite-file.js';

type Lifetime = readonly [first: number, last: number];

/** Inclusive scopes by `subgraph/tensor`, for tensors that need bytes. */
function markedLifetimes({ subgraphs }: TfliteModel): Map<string, Lifetime> {
  const lifetimes = new Map<string, Lifetime>();
  let scope = 0;
  const create = (key: string): void => void lifetimes.set(key, lifetimes.get(key) ?? [scope, -1]);
  const use = (key: string): void => {
    const [first] = lifetimes.get(key) ?? [-1];
    lifetimes.set(key, [first, scope]);
  };
  const run = (index: number): void => {
    const { inputs, outputs, operators } = subgraphs[index];
    const keyOf = (id: number): string => `${index}/${id}`;
    for (const id of inputs) create(keyOf(id));
    for (const id of inputs) use(keyOf(id));
    for (const operator of operators) {
      scope++;
      for (const id of operator.outputs) create(keyOf(id));
      for (const callee of operator.subgraphs) {
        scope++;
        run(callee);
      }
      for (const id of [...operator.inputs, ...operator.outputs]) if (id >= 0) use(keyOf(id));
    }
    for (const id of outputs) create(keyOf(id));
    for (const id of outputs) use(keyOf(id));
  };
  run(0);
  for (const key of [...lifetimes.keys()]) {
    const [index, id] = key.split('/').map(Number);
    const { isConstant, isVariable, type, shape } = subgraphs[index].tensors[id];
    if (isConstant || isVariable || type.blockBytes === 0 || shape.includes(0)) lifetimes.delete(key);
  }
  return lifetimes;
}

const meet = (a: Lifetime, b: Lifetime): boolean => a[0] <= b[1] && b[0] <= a[1];

/** Pairs of tensors that meet, by their keys. */
function pairsOf(lifetimes: ReadonlyMap<string, Lifetime>): string[] {
  const keys = [...lifetimes.keys()].sort();
  return keys.flatMap((a, index) =>
    keys.slice(index + 1).flatMap((b) => (meet(lifetimes.get(a)!, lifetimes.get(b)!) ? [`${a} ${b}`] : [])),
  );
}

/** The same of the graph, whose tensors are found by the type, shape and order of the file. */
function plannedLifetimes(model: TfliteModel): Map<string, Lifetime> {
  const convention = { ...TFLITE_CONVENTIONS['tflite-micro'], views: [] };
  const plan = planGraph(graphFromTflite(model, { convention }), { alignment: 16, reuse: 'off', runtime: 'none' });
  const { graph } = plan;
  const lifetimes = new Map<string, Lifetime>();
  const names = new Map(
    model.subgraphs.flatMap(({ tensors }, index) => tensors.map(({ name }, id) => [name, `${index}/${id}`] as const)),
  );
  for (const { id, start, end, size } of plan.tensors) {
    const key = names.get(graph.tensors[id].name);
    if (key !== undefined && size > 0) lifetimes.set(key, [start, end - 1]);
  }
  return lifetimes;
}

/** Names must tell tensors apart. */
const renamed = (model: TfliteModel): TfliteModel => ({
  ...model,
  subgraphs: model.subgraphs.map((subgraph, index) => ({
    ...subgraph,
    tensors: subgraph.tensors.map((tensor, id) => ({ ...tensor, name: `${index}/${id}` })),
  })),
});

const SMALL = ['ad01_int8', 'audio_preprocessor_int8', 'keyword_scrambled_8bit', 'kws_ref_model', 'person_detect'];

describeShared('buffers of real files', () => {
  const files = sharedIsPresent ? readdirSync(sharedPath('models', 'tflite')) : [];
  it.each(files)('meet as TFLite Micro marks them: %s', async (file) => {
    const model = renamed(await readTflite(sharedPath('models', 'tflite', file)));
    const [marked, planned] = [markedLifetimes(model), plannedLifetimes(model)];
    expect([...planned.keys()].sort()).toEqual([...marked.keys()].sort());
    const isSmall = SMALL.some((name) => file.startsWith(name));
    const pairs = pairsOf(marked);
    if (isSmall) expect(pairs.length).toBeGreaterThan(0);
    expect(pairsOf(planned)).toEqual(pairs);
  });
});

it('buffers of subgraphs meet as TFLite Micro marks them', async () => {
  const shape = [4, 4];
  const tensors = (count: number): { name: string; shape: number[] }[] =>
    Array.from({ length: count }, (_, id) => ({ name: `t${id}`, shape }));
  const op = (name: string, inputs: string[], outputs: string[], options = {}): object => ({
    op: name,
    inputs,
    outputs,
    options,
  });
  const file = tfliteFile([
    {
      tensors: tensors(7),
      inputs: ['t0', 't1'],
      outputs: ['t6'],
      operators: [
        op('RELU', ['t0'], ['t2']),
        op('IF', ['t1', 't2'], ['t3'], { 0: 1, 1: 2 }),
        op('SPLIT_OFF', ['t3'], ['t4', 't5']),
        op('WHILE', ['t4'], ['t6'], { 0: 3, 1: 1 }),
      ] as never,
    },
    {
      tensors: tensors(3),
      inputs: ['t0'],
      outputs: ['t2'],
      operators: [op('RELU', ['t0'], ['t1']), op('RELU', ['t1'], ['t2'])] as never,
    },
    { tensors: tensors(2), inputs: ['t0'], outputs: ['t1'], operators: [op('RELU', ['t0'], ['t1'])] as never },
    { tensors: tensors(2), inputs: ['t0'], outputs: ['t1'], operators: [op('LESS', ['t0', 't0'], ['t1'])] as never },
  ]);
  const model = renamed(await readTflite(file));
  const { subgraphs } = model;
  // A subgraph that runs twice has its tensors once there, and twice in a graph: run it once.
  const once = {
    ...model,
    subgraphs: subgraphs.map((each, index) =>
      index > 0 ? each : { ...each, operators: each.operators.slice(0, 3), outputs: [5] },
    ),
  };
  expect(pairsOf(plannedLifetimes(once))).toEqual(pairsOf(markedLifetimes(once)));
  expect(pairsOf(markedLifetimes(once)).length).toBeGreaterThan(10);
});

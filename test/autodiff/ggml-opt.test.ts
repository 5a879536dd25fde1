/**
 * The graphs of training, against those that ggml's own optimiser built: every node with its name, operands and settings, every
 * offset, and every buffer.
 */
import { expect, it } from 'vitest';
import { trainingBuffers, trainingGraphs, type TensorBuffer, type TrainingGraphs } from '../../src/autodiff/index.js';
import { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/json/read.js';
import { measureGraph } from '../../src/plan/measure.js';
import { planGraph } from '../../src/plan/plan.js';
import { firstDifference } from '../support/compare-graphs.js';
import { asRecorded, paramsOf } from '../support/op-params.js';
import { describeShared } from '../support/shared.js';
import {
  listTrainingCases,
  LOSS_NAMES,
  networkOf,
  readTrainingCase,
  withParametersAsLeafs,
  type RecordedGraph,
  type TrainingCase,
} from '../support/training-cases.js';

const AS_GGML = { allocator: 'ggml', alignment: 32 } as const;

function trainingOf(recorded: TrainingCase): TrainingGraphs {
  const { outputs, parameters } = networkOf(recorded);
  const { graphs, loss, optimizer, period } = recorded.meta;
  return trainingGraphs(outputs, { parameters, graphs, loss: LOSS_NAMES[loss], optimizer, period });
}

/** The graph with its parameters behind its other leafs. */
function parametersLast(graph: Graph, { states }: TrainingGraphs): Graph {
  const parameters = new Set(states.map(({ parameter }) => parameter));
  const others = graph.leafs.filter((leaf) => !parameters.has(leaf));
  return new Graph({ leafs: [...others, ...parameters], nodes: graph.nodes });
}

/** Settings by node, as far as the recording has them. */
function settingsOf(graph: Graph): unknown[] {
  return graph.nodes.map(({ op, params }) => [op, asRecorded(params)]);
}

function recordedSettingsOf(recorded: RecordedGraph, ours: Graph): unknown[] {
  return recorded.nodes.map((id, index) => {
    const node = recorded.tensors[id];
    return [node.op, asRecorded({ ...ours.nodes[index].params, ...paramsOf(node) })];
  });
}

function offsetsOf(graph: Graph): unknown[] {
  const plan = planGraph(graph, AS_GGML);
  const placed = new Map(plan.tensors.map(({ id, offset }) => [graph.tensors[id], offset]));
  return graph.nodes.map((node) => [node.name, placed.get(node) ?? null]);
}

function tensorsOf({ tensors }: TensorBuffer): unknown[] {
  return tensors.map(({ tensor: { name }, offset }) => ({ name, offset }));
}

describeShared('ggml-opt', () => {
  it('has cases', () => expect(listTrainingCases().length).toBeGreaterThan(10));

  it.each(listTrainingCases())('builds the graphs of %s', (name) => {
    const recorded = readTrainingCase(name);
    const training = trainingOf(recorded);
    for (const [ours, theirs] of [
      [training.forward, recorded.graphs.gf],
      [training.gradient, recorded.graphs.gb_grad],
      [training.step, recorded.graphs.gb_opt],
    ] as const) {
      const listed = withParametersAsLeafs(theirs);
      const graph = parametersLast(ours, training);
      expect(firstDifference(graph, listed)).toBe(null);
      expect(settingsOf(graph)).toEqual(recordedSettingsOf(listed, graph));
      const { bufferSize, offsets } = theirs.expected.gallocr;
      expect(measureGraph(graphFromJson(theirs), AS_GGML).bufferSize).toBe(bufferSize);
      expect(planGraph(graph, AS_GGML).bufferSize).toBe(bufferSize);
      const isView = (id: number): boolean => theirs.tensors[id].view !== undefined;
      const places = listed.nodes.map((id) => [theirs.tensors[id].name, isView(id) ? 'view' : offsets[id]]);
      const found = offsetsOf(graph) as [string, number | null][];
      expect(found.map(([node, offset], index) => [node, places[index][1] === 'view' ? 'view' : offset])).toEqual(
        places,
      );
    }
  });

  it.each(listTrainingCases())('fills the buffers of %s', (name) => {
    const recorded = readTrainingCase(name);
    const training = trainingOf(recorded);
    const { lasting, host, compute } = trainingBuffers(training, AS_GGML);
    const { buffers } = recorded;
    expect(tensorsOf(lasting)).toEqual(
      buffers.static.tensors.map((each) => ({ name: each.name, offset: each.offset })),
    );
    expect(lasting.bufferSize).toBe(buffers.static.bytes);
    expect(tensorsOf(host)).toEqual(buffers.cpu.tensors.map((each) => ({ name: each.name, offset: each.offset })));
    expect(host.bufferSize).toBe(buffers.cpu.bytes);
    const twice = [...compute, ...compute.map(() => compute.at(-1))];
    expect(twice).toEqual(buffers.compute.microSteps.map(({ bytes }) => bytes));
  });
});

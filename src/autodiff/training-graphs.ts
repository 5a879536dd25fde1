/**
 * The graphs of ggml's optimiser: forward pass, gradients, optimiser steps.
 *
 * Behaviour as in `ggml_opt_build`: the same nodes in the same order, and the same tensors outside the compute buffer, in the
 * order in which they are made.
 */
import { checkArgument, checkChoice, checkOptions, type OptionNames } from '../errors.js';
import { Context } from '../dialects/ggml/context.js';
import type { Graph } from '../graph/graph.js';
import { requireTensor } from '../tensor/require-tensor.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkContext } from './check-context.js';
import { differentiate, notInGraph } from './gradients.js';
import { GrowingGraph } from './growing-graph.js';
import { LOSSES, type LossName } from './losses.js';
import { OPTIMIZERS, type OptimizerName } from './optimizers.js';

/** How a network is trained. */
export interface TrainingOptions {
  /** The weights that are trained: leafs that outlive a run. */
  readonly parameters: readonly Tensor[];
  /** What the outputs are judged by. Default `cross-entropy`, which also counts how often the largest logit is right. */
  readonly loss?: LossName;
  /** Default `adamw`. */
  readonly optimizer?: OptimizerName;
  /** How many micro-steps share an optimiser step, ggml's `opt_period`. Default 1. */
  readonly period?: number;
  /**
   * Whether the graphs are built once (`static`) or anew for each micro-step (`dynamic`), as llama.cpp does. Static graphs
   * keep labels, loss and counts beside the compute buffer; dynamic ones always add gradients up in accumulators. Default
   * `static`.
   */
  readonly graphs?: 'static' | 'dynamic';
  /** Where nodes of the compute buffer are made. Default: a deferred context. */
  readonly context?: Context;
  /**
   * Where tensors that outlive a run are made: accumulators, moments, settings. Default: a virtual context, for planning
   * alone; to run a graph on an arena, give an immediate one.
   */
  readonly lasting?: Context;
}

const TRAINING_OPTIONS: OptionNames<TrainingOptions> = {
  parameters: true,
  loss: true,
  optimizer: true,
  period: true,
  graphs: true,
  context: true,
  lasting: true,
};

/** What training keeps for one parameter. */
export interface ParameterState {
  readonly parameter: Tensor;
  /** The sum of its gradients over a period; null if each gradient is used at once. */
  readonly accumulator: Tensor | null;
  /** What the optimiser remembers, of the parameter's shape: first and second moment for AdamW, nothing for SGD. */
  readonly moments: readonly Tensor[];
}

/** The graphs of training. Each contains the one before. */
export interface TrainingGraphs {
  /** Outputs, loss and counts; ggml's `gf`. */
  readonly forward: Graph;
  /** The same and the gradients; ggml's `gb_grad`. */
  readonly gradient: Graph;
  /** The same and the optimiser steps; ggml's `gb_opt`. */
  readonly step: Graph;
  /** One element, marked as an output. */
  readonly loss: Tensor;
  /** An input of the shape of the outputs; null for a loss that compares with nothing. */
  readonly labels: Tensor | null;
  /** i32, per row of the outputs the index of the largest; null unless the loss is `cross-entropy`. */
  readonly predictions: Tensor | null;
  /** i64, one element: how many predictions agree with the labels; null unless the loss is `cross-entropy`. */
  readonly correct: Tensor | null;
  /** What differentiation begins with, one element: set it to 1. */
  readonly seed: Tensor;
  /** Settings of the optimiser, an input: see `optStepAdamw` and `optStepSgd`. */
  readonly settings: Tensor;
  /** By parameter and by every other tensor on the way to the loss, its gradient. */
  readonly gradients: ReadonlyMap<Tensor, Tensor>;
  /** In the order in which the forward pass meets them. */
  readonly states: readonly ParameterState[];
  /** What ggml keeps in a buffer of its own, in order. */
  readonly lasting: readonly Tensor[];
  /** The graphs of one period, one per micro-step. */
  readonly microSteps: readonly Graph[];
}

/**
 * The graphs with which ggml's optimiser trains a network.
 *
 * @param outputs what the network computes, such as logits `[classes, batch]`; becomes an output
 * @throws PlannerError `BAD_ARGUMENT`; `NO_GRADIENT` as `gradients`; `BAD_OPERAND` if outputs do not suit the loss
 * @example
 * ```ts
 * import { Context, measureGraph } from 'tensor-arena';
 * import { trainingGraphs } from 'tensor-arena/autodiff';
 * const weights = Context.virtual();
 * const ctx = Context.deferred();
 * const w = weights.newTensor('f32', [784, 10], 'w');
 * const pixels = ctx.setInput(ctx.newTensor('f32', [784, 100], 'pixels'));
 * const { forward, step } = trainingGraphs(ctx.mulMat(w, pixels), { parameters: [w] });
 * console.log(measureGraph(forward).bufferSize, measureGraph(step).bufferSize); // 317600 352960
 * ```
 */
export function trainingGraphs(outputs: Tensor, options: TrainingOptions): TrainingGraphs {
  const run = resolve(outputs, options);
  const { parameters, optimizer, period, graphs, context, lasting } = run;
  const growing = new GrowingGraph(new Set(parameters));
  const results = addForward(growing, outputs, run);
  const { loss } = results;
  const forward = growing.graph();
  const met = inOrderOfMeeting(parameters, growing.leafs);

  const like = ({ ne }: Tensor): Tensor => lasting.newTensor('f32', ne);
  const accumulates = graphs === 'dynamic' || period > 1;
  const accumulators = new Map(accumulates ? met.map((parameter) => [parameter, like(parameter)]) : []);
  const seed = like(loss);
  const { moments: names } = OPTIMIZERS[optimizer];
  const states = met.map((parameter) => ({
    parameter,
    accumulator: accumulators.get(parameter) ?? null,
    moments: names.map((name) => lasting.setName(like(parameter), `${name} for ${parameter.name}`)),
  }));
  const kept = [...accumulators.values(), seed, ...states.flatMap(({ moments }) => moments)];

  const seeded = new Map([...accumulators, [loss, seed]]);
  const gradients = differentiate(forward, growing, loss, met, context, seeded);
  const gradient = growing.graph();
  const settings = addSteps(growing, states, gradients, run);
  const step = growing.graph();
  return {
    forward,
    gradient,
    step,
    loss,
    labels: results.labels,
    predictions: results.predictions,
    correct: results.correct,
    seed,
    settings,
    gradients,
    states,
    lasting: graphs === 'static' ? [...results.made, ...kept] : kept,
    microSteps: [...new Array<Graph>(period - 1).fill(gradient), step],
  };
}

type Run = Required<TrainingOptions>;

interface Results extends Pick<TrainingGraphs, 'loss' | 'labels' | 'predictions' | 'correct'> {
  /** All tensors behind the outputs, in the order in which they are made. */
  readonly made: readonly Tensor[];
}

/** Adds outputs, loss and counts. */
function addForward(growing: GrowingGraph, outputs: Tensor, { loss: name, period, ...run }: Run): Results {
  const ctx = run.graphs === 'static' ? run.lasting : run.context;
  growing.expand(run.context.setOutput(outputs));
  const [leafCount, nodeCount] = [growing.leafs.length, growing.nodes.length];
  const { loss, labels } = LOSSES[name](ctx, outputs, period);
  growing.expand(ctx.setOutput(loss));
  const counts = name === 'cross-entropy' ? addCounts(growing, ctx, outputs, labels!) : null;
  const made = [...growing.leafs.slice(leafCount), ...growing.nodes.slice(nodeCount)];
  made.sort((a, b) => a.serial - b.serial);
  return { loss, labels, predictions: counts?.predictions ?? null, correct: counts?.correct ?? null, made };
}

function addCounts(growing: GrowingGraph, ctx: Context, outputs: Tensor, labels: Tensor): Counts {
  const predictions = ctx.setOutput(ctx.setName(ctx.argmax(outputs), 'pred'));
  growing.expand(predictions);
  const correct = ctx.setOutput(ctx.setName(ctx.countEqual(predictions, ctx.argmax(labels)), 'ncorrect'));
  growing.expand(correct);
  return { predictions, correct };
}

interface Counts {
  readonly predictions: Tensor;
  readonly correct: Tensor;
}

/** Adds the optimiser steps, from the last parameter that is met to the first. The settings that they share. */
function addSteps(
  growing: GrowingGraph,
  states: readonly ParameterState[],
  gradients: ReadonlyMap<Tensor, Tensor>,
  { optimizer, context, lasting }: Run,
): Tensor {
  const { settingCount, step } = OPTIMIZERS[optimizer];
  const settings = lasting.setInput(lasting.newTensor('f32', [settingCount], `${optimizer}_params`));
  for (const { parameter, moments } of [...states].reverse()) {
    const gradient = gradients.get(parameter);
    if (gradient === undefined) continue;
    const stepped = step(context, { parameter, gradient, moments, settings });
    growing.expand(context.setName(stepped, `${optimizer} step for ${parameter.name}`));
  }
  return settings;
}

/** The parameters in the order of the leafs. @throws PlannerError `DANGLING_TENSOR` if one is not among them */
function inOrderOfMeeting(parameters: readonly Tensor[], leafs: readonly Tensor[]): Tensor[] {
  const isParameter = new Set(parameters);
  const met = leafs.filter((leaf) => isParameter.delete(leaf));
  for (const parameter of isParameter) throw notInGraph(parameter, 'Leave it out, or let the outputs depend on it.');
  return met;
}

/** @throws PlannerError `BAD_ARGUMENT` */
function resolve(outputs: Tensor, options: TrainingOptions): Run {
  requireTensor(outputs, 'outputs');
  checkOptions(options, TRAINING_OPTIONS);
  const { parameters, loss = 'cross-entropy', optimizer = 'adamw', period = 1, graphs = 'static' } = options;
  const { context = Context.deferred(), lasting = Context.virtual() } = options;
  const isList = Array.isArray(parameters) && parameters.length > 0;
  checkArgument(isList, 'parameters', parameters, 'a list of tensors', 'Give the weights that are to be trained.');
  for (const parameter of parameters) {
    requireTensor(parameter, 'parameter');
    const isLasting = parameter.operation === null && !parameter.isView && parameter.memory !== 'deferred';
    const remedy = 'Make it in an immediate or virtual context, so that it outlives the run.';
    checkArgument(isLasting, `parameter ${parameter.label}`, parameter.op, 'a leaf that outlives the run', remedy);
  }
  checkChoice('loss', loss, Object.keys(LOSSES));
  checkChoice('optimizer', optimizer, Object.keys(OPTIMIZERS));
  checkChoice('graphs', graphs, ['static', 'dynamic']);
  const isPeriod = Number.isSafeInteger(period) && period >= 1;
  checkArgument(isPeriod, 'period', period, 'an integer of at least 1', 'Give the number of micro-steps per step.');
  checkContext('context', context, ['deferred']);
  checkContext('lasting', lasting, ['immediate', 'virtual']);
  return { parameters, loss, optimizer, period, graphs, context, lasting };
}

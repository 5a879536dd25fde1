/**
 * What the formulas of others say of a run, side by side, so that a user sees how far each is from a plan.
 */
import type { TrainingModel } from '../model.js';
import { resolveStrategy, type Offload, type TrainingStrategy } from '../parallel/strategy.js';
import { resolveRun } from '../resolve-run.js';
import type { OptimizerName, TrainingRun } from '../run.js';
import { trainingStep } from '../step.js';
import { deepspeedZero2, deepspeedZero3 } from './deepspeed.js';
import { dnnmem } from './dnnmem.js';
import { llmem } from './llmem.js';
import { megatronActivations, megatronBytesPerParameter } from './megatron.js';
import { ruleOfThumb } from './rule-of-thumb.js';

/** Bytes of one GPU by each formula. */
export interface PublishedEstimates {
  /** Parameters, gradients and states by the bytes of an element; no activations. */
  readonly ruleOfThumb: number;
  /** Model states with Adam in mixed precision, split as ZeRO-2 does; no activations. */
  readonly deepspeedZero2: number;
  /** The same, split as ZeRO-3 does. */
  readonly deepspeedZero3: number;
  /** Model states of mixed precision, and activations with selective recomputation. */
  readonly megatron: number;
  /** LLMem's program, with six bytes for each parameter in place of what it measures on the GPU. */
  readonly llmem: number;
  /** All outputs, weights and gradients. */
  readonly dnnmem: number;
}

/** Numbers that an optimiser keeps for each parameter. */
const STATES: Readonly<Partial<Record<OptimizerName, number>>> = {
  sgd: 0,
  'sgd-momentum': 1,
  lion: 1,
  adafactor: 0,
};

/**
 * The estimates of all formulas for one GPU of a strategy. O(operations of a step).
 *
 * @param strategy Default: one GPU
 * @throws PlannerError `BAD_ARGUMENT`, `UNKNOWN_ARCHITECTURE`
 */
export function publishedEstimates(
  model: TrainingModel,
  run: TrainingRun,
  strategy: TrainingStrategy = {},
): PublishedEstimates {
  const resolved = resolveRun(model, run);
  const { gpus, replicas, tensorParallel, pipelineParallel, offload } = resolveStrategy(
    model,
    resolved.batch,
    strategy,
  );
  const { graph, kinds, counts } = trainingStep(model, resolved, 'first');
  const weights = graph.leafs.filter((leaf) => kinds[graph.idOf(leaf)] === 'parameters');
  const outputs = graph.nodes.filter((node) => !node.isView && kinds[graph.idOf(node)] === 'activations');
  const { batch, sequence, precision, optimizer } = resolved;
  const { parameters, trainable } = counts;
  const states = { parameters, gpusPerNode: gpus, offload: offloadOf(offload) };
  const sizes = { sequence, batch, hidden: model.hidden, ffn: model.ffn, heads: model.heads, layers: model.layers };
  const share = parameters / (tensorParallel * pipelineParallel);
  const elementBytes = precision === 'bf16' || precision === 'fp16' ? 2 : 4;
  const elements = weights.map(({ shape }) => shape.reduce((product, length) => product * length, 1));
  return {
    ruleOfThumb: ruleOfThumb({ parameters, trainable, elementBytes, statesPerParameter: STATES[optimizer] ?? 2 }),
    deepspeedZero2: deepspeedZero2(states).gpu,
    deepspeedZero3: deepspeedZero3({
      ...states,
      largestLayer: elements.reduce((most, each) => Math.max(most, each), 0),
    }).gpu,
    megatron:
      Math.round(megatronBytesPerParameter(replicas) * share) +
      Math.round(
        megatronActivations({ ...sizes, vocabulary: model.vocab, tensorParallel, pipelineParallel }) / pipelineParallel,
      ),
    llmem: llmem({
      initial: 6 * parameters,
      parameterTensors: elements.filter((_, index) => weights[index].shape.length > 1),
      embeddingWidths: [model.hidden, model.hidden],
      layerWidths: new Array<number>(model.layers).fill(model.hidden),
      ...{ batch, sequence, vocabulary: model.vocab, gpus: replicas },
    }),
    dnnmem: dnnmem({
      weights: weights.map(({ byteLength }) => byteLength),
      outputs: outputs.map(({ byteLength }) => byteLength),
    }),
  };
}

function offloadOf(offload: readonly Offload[]): 'none' | 'optimizer' | 'optimizer and parameters' {
  if (!offload.includes('optimizer')) return 'none';
  return offload.includes('parameters') ? 'optimizer and parameters' : 'optimizer';
}

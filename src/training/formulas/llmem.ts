/**
 * LLMem's estimate (Kim et al., IJCAI 2024), as its program and as its paper compute it. Its largest term is no estimate: it is
 * what the driver reports after the model was placed on the GPU.
 *
 * Every tensor is rounded up to 2 MiB. "Parameters" are those of embeddings and linear layers, in the order of modules.
 */
import { alignUp } from '../../units.js';
import { atLeast, checkCounts, checkFields, optional, OTHER, type FieldRules } from './fields.js';

/** What the program's formula asks for. */
export interface LlmemInput {
  /** Bytes that the driver reports after the model was placed: CUDA context, fp16 parameters, fp32 master copies. */
  readonly initial: number;
  /** Elements of each parameter tensor of an embedding or a linear layer, in the order of modules. */
  readonly parameterTensors: readonly number[];
  /** Output width of each embedding. */
  readonly embeddingWidths: readonly number[];
  /** Output width of each layer. */
  readonly layerWidths: readonly number[];
  readonly batch: number;
  readonly sequence: number;
  readonly vocabulary: number;
  /** Bytes of one logit: 2, or 4 for CodeGen and GPT-Neo. Default 2. */
  readonly logitBytes?: number;
  /** Default 1. */
  readonly gpus?: number;
  /** Devices that share a layer; 0 if none do. Default 0. */
  readonly tensorParallel?: number;
}

/** What the paper's equations ask for. */
export interface LlmemPaperInput {
  /** Bytes that the process holds before the model is there. */
  readonly base: number;
  /** Parameters of embeddings. */
  readonly embeddingParameters: number;
  /** All other parameters. */
  readonly otherParameters: number;
  /** Parameters of one chunk, to which all other parameters are rounded up. */
  readonly chunk: number;
  /** Elements of each parameter tensor of an embedding or a linear layer. */
  readonly parameterTensors: readonly number[];
  readonly embeddings: number;
  readonly layers: number;
  readonly hidden: number;
  readonly batch: number;
  readonly sequence: number;
  readonly vocabulary: number;
  /** Default 2. */
  readonly logitBytes?: number;
  /** Bytes of the head's parameters. */
  readonly headBytes: number;
}

const FIELDS: FieldRules<LlmemInput> = {
  initial: atLeast(0),
  parameterTensors: OTHER,
  embeddingWidths: OTHER,
  layerWidths: OTHER,
  batch: atLeast(1),
  sequence: atLeast(1),
  vocabulary: atLeast(1),
  logitBytes: optional(1),
  gpus: optional(1),
  tensorParallel: optional(0),
};
const PAPER_FIELDS: FieldRules<LlmemPaperInput> = {
  base: atLeast(0),
  embeddingParameters: atLeast(0),
  otherParameters: atLeast(0),
  chunk: atLeast(1),
  parameterTensors: OTHER,
  embeddings: atLeast(0),
  layers: atLeast(0),
  hidden: atLeast(1),
  batch: atLeast(1),
  sequence: atLeast(1),
  vocabulary: atLeast(1),
  logitBytes: optional(1),
  headBytes: atLeast(0),
};

/** Rounds up to the unit in which the driver hands out memory. */
const inUnits = (bytes: number): number => alignUp(bytes, 2 * 1024 ** 2);

/**
 * What LLMem's program estimates for one GPU, in bytes. O(tensors).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function llmem(input: LlmemInput): number {
  checkFields(input, FIELDS);
  const { gpus = 1, tensorParallel = 0, logitBytes = 2 } = input;
  checkCounts(input.parameterTensors, 'parameterTensors');
  checkCounts(input.embeddingWidths, 'embeddingWidths');
  checkCounts(input.layerWidths, 'layerWidths');
  const { initial, batch, sequence } = input;
  const tensors = input.parameterTensors.map((elements, index) =>
    tensorBytes(elements, index === input.parameterTensors.length - 1, gpus, tensorParallel),
  );
  const outputs = [...input.embeddingWidths, ...input.layerWidths].map((width) =>
    inUnits(2 * batch * sequence * width),
  );
  const gathered = input.layerWidths.map((width) =>
    tensorParallel > 0 ? inUnits((2 * batch * sequence * width * (tensorParallel - 1)) / tensorParallel) : 0,
  );
  return (
    initial +
    sum(tensors) +
    inUnits(8 * batch * sequence) +
    sum(outputs) +
    sum(gathered) +
    logits({ ...input, logitBytes })
  );
}

/** Optimiser states of a tensor, and its gathered copy under data parallelism. The last tensor has no states there. */
function tensorBytes(elements: number, isLast: boolean, gpus: number, tensorParallel: number): number {
  if (isLast) return inUnits(2 * elements);
  const states = 2 * inUnits((4 * elements) / gpus);
  if (gpus === 1 || tensorParallel === gpus) return states;
  const share = tensorParallel === 0 ? (gpus - 1) / gpus : (gpus - tensorParallel) / gpus - 1 / gpus;
  return states + inUnits(inUnits(2 * elements) * share);
}

function logits(of: {
  readonly batch: number;
  readonly sequence: number;
  readonly vocabulary: number;
  readonly logitBytes: number;
}): number {
  const { batch, sequence, vocabulary, logitBytes } = of;
  const shifted = inUnits(logitBytes * batch * (sequence - 1) * vocabulary);
  return inUnits(logitBytes * batch * sequence * vocabulary) + 2 * shifted;
}

/**
 * The peak on one GPU by the equations of LLMem's paper, in bytes. O(tensors).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function llmemPaper(input: LlmemPaperInput): number {
  checkFields(input, PAPER_FIELDS);
  checkCounts(input.parameterTensors, 'parameterTensors');
  const { base, embeddingParameters, otherParameters, chunk, layers, embeddings, logitBytes = 2 } = input;
  const inChunks = embeddingParameters + Math.ceil(otherParameters / chunk) * chunk;
  const parameters = inUnits(inChunks * (2 + 4));
  const states = sum(input.parameterTensors.map((elements) => inUnits(8 * elements)));
  const outputs = inUnits((embeddings + layers) * input.batch * input.sequence * input.hidden * 2);
  return base + parameters + states + outputs + logits({ ...input, logitBytes }) + input.headBytes;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

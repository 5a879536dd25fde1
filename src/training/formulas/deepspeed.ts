/**
 * DeepSpeed's estimators of model states under ZeRO-2 and ZeRO-3: parameters, gradients and optimiser states of mixed
 * precision with Adam. They leave out activations, and everything else that a step allocates.
 *
 * Source: `deepspeed/runtime/zero/stage_1_and_2.py` and `stage3.py`, and the page on memory of its documentation, whose
 * "GB" are 2^30 bytes.
 */
import { checkChoice } from '../../errors.js';
import { atLeast, checkFields, optional, OTHER, type FieldRules } from './fields.js';

/** What both estimators ask for. */
export interface DeepSpeedInput {
  /** Parameters of the model. */
  readonly parameters: number;
  /** GPUs of one node. Default 1. */
  readonly gpusPerNode?: number;
  /** Default 1. */
  readonly nodes?: number;
  /** What lies on the host. ZeRO-2 keeps its parameters on the GPU in each case. Default `none`. */
  readonly offload?: 'none' | 'optimizer' | 'optimizer and parameters';
}

/** What the estimator of ZeRO-3 asks for. */
export interface DeepSpeedZero3Input extends DeepSpeedInput {
  /** Parameters of the largest layer, which is gathered whole. */
  readonly largestLayer: number;
  /** Whether the model is made in pieces (`zero.Init`), and never lies whole on the host. Default true. */
  readonly zeroInit?: boolean;
}

/** Bytes of model states. */
export interface DeepSpeedEstimate {
  /** Bytes on each GPU. */
  readonly gpu: number;
  /** Bytes on the host of each node, with DeepSpeed's factor of 1.5 for buffers. */
  readonly cpu: number;
}

const FIELDS: FieldRules<DeepSpeedInput> = {
  parameters: atLeast(0),
  gpusPerNode: optional(1),
  nodes: optional(1),
  offload: OTHER,
};
const ZERO3_FIELDS: FieldRules<DeepSpeedZero3Input> = { ...FIELDS, largestLayer: atLeast(0), zeroInit: OTHER };
const OFFLOADS = ['none', 'optimizer', 'optimizer and parameters'];
const BUFFER_FACTOR = 1.5;

/**
 * `estimate_zero2_model_states_mem_needs`: model states in bytes. O(1).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function deepspeedZero2(input: DeepSpeedInput): DeepSpeedEstimate {
  checkFields(input, FIELDS);
  const { parameters, gpusPerNode, gpus, offload } = resolved(input);
  if (offload === 'none') {
    return {
      gpu: 4 * parameters + Math.floor((16 * parameters) / gpus),
      cpu: parameters * 4 * gpusPerNode * BUFFER_FACTOR,
    };
  }
  return { gpu: 2 * parameters, cpu: parameters * Math.max(4 * gpus, 16) * BUFFER_FACTOR };
}

/**
 * `estimate_zero3_model_states_mem_needs`: model states in bytes. O(1).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function deepspeedZero3(input: DeepSpeedZero3Input): DeepSpeedEstimate {
  checkFields(input, ZERO3_FIELDS);
  const { largestLayer, zeroInit = true } = input;
  const { parameters, gpusPerNode, nodes, gpus, offload } = resolved(input);
  const layer = 4 * largestLayer;
  if (offload === 'none') {
    const onHost = zeroInit ? largestLayer : parameters;
    return {
      gpu: layer + Math.floor((18 * parameters) / gpus),
      cpu: onHost * 4 * gpusPerNode * BUFFER_FACTOR,
    };
  }
  const areParametersOnHost = offload !== 'optimizer';
  const statesOnHost = (areParametersOnHost ? 18 : 16) / nodes;
  const bytes = zeroInit ? statesOnHost : Math.max(4 * gpusPerNode, statesOnHost);
  return {
    gpu: layer + (areParametersOnHost ? 0 : Math.floor((2 * parameters) / gpus)),
    cpu: parameters * bytes * BUFFER_FACTOR,
  };
}

function resolved(input: DeepSpeedInput): Required<DeepSpeedInput> & { readonly gpus: number } {
  const { parameters, gpusPerNode = 1, nodes = 1, offload = 'none' } = input;
  checkChoice('offload', offload, OFFLOADS);
  return { parameters, gpusPerNode, nodes, offload, gpus: gpusPerNode * nodes };
}

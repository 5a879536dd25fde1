/**
 * How a model is trained: what a training script decides.
 *
 * Invariant: every field but the shape of a batch has a default, so that `{ batch, sequence }` is a run.
 */

/** What is trained: all parameters, or adapters of low rank beside frozen weights, which `qlora` stores in four bits. */
export type TrainingMethod = 'full' | 'lora' | 'qlora';

/**
 * The types of numbers: `fp32`, `bf16` and `fp16` for parameters, gradients and optimiser states alike; `bf16-amp` and
 * `fp16-amp` for parameters in fp32 that autocast computes with in the smaller type.
 */
export type TrainingPrecision = 'fp32' | 'bf16' | 'fp16' | 'bf16-amp' | 'fp16-amp';

/** What updates the parameters. */
export type OptimizerName =
  'adamw' | 'sgd' | 'sgd-momentum' | 'adamw-8bit' | 'paged-adamw' | 'paged-adamw-8bit' | 'adafactor' | 'lion';

/** How the optimiser goes through the parameters: one after another, all at once by operation, or in one kernel. */
export type OptimizerImplementation = 'for-loop' | 'foreach' | 'fused';

/** How attention is computed: with stored scores, by PyTorch's fused operation, or by the package FlashAttention 2. */
export type TrainingAttention = 'eager' | 'sdpa' | 'flash';

/** Which blocks keep only their input and run again in the backward pass: none, all, or runs of `every` blocks. */
export type Checkpointing = 'none' | 'layer' | { readonly every: number };

/** The adapters of `lora` and `qlora`. */
export interface LoraOptions {
  /** Rank of the two matrices of an adapter. */
  readonly rank: number;
  /** Which linear layers get one, by the last part of their names, such as `q_proj`. Default: queries and values */
  readonly targets?: readonly string[];
  /** Type of the adapters. Default `fp32`, as in PEFT */
  readonly precision?: 'fp32' | 'bf16' | 'fp16';
}

/**
 * Whose kernels compute: those of PyTorch's CPU backend, of which every byte is verified, or of CUDA, of which kernels save
 * other statistics and add gradients in place.
 */
export type TrainingDevice = 'cpu' | 'cuda';

/** How a model is trained. */
export interface TrainingRun {
  /** Sequences of a step. */
  readonly batch: number;
  /** Tokens of a sequence. */
  readonly sequence: number;
  /** Tokens of a sequence that the decoder of an encoder-decoder model reads. Default: `sequence` */
  readonly targetSequence?: number;
  /** Default `full` */
  readonly method?: TrainingMethod;
  /** Default: rank 8 on queries and values, in fp32; unused with the method `full` */
  readonly lora?: LoraOptions;
  /** Default `fp32` */
  readonly precision?: TrainingPrecision;
  /** Default `sdpa` */
  readonly attention?: TrainingAttention;
  /** Default `none` */
  readonly checkpointing?: Checkpointing;
  /** Default `adamw` */
  readonly optimizer?: OptimizerName;
  /** Default `for-loop` */
  readonly implementation?: OptimizerImplementation;
  /** Default `cpu` */
  readonly device?: TrainingDevice;
  /** Whether each parameter is updated as soon as its gradient is complete, and the gradient is freed. Default false */
  readonly stepInBackward?: boolean;
  /** Pieces of a sequence of which logits and loss are computed one after another. Default 1 */
  readonly lossChunks?: number;
  /** Whether what the forward pass saves waits in the host's memory. Default false */
  readonly offloadActivations?: boolean;
}

/** A run with all its defaults. */
export interface ResolvedRun extends Required<Omit<TrainingRun, 'lora'>> {
  readonly lora: Required<LoraOptions>;
}

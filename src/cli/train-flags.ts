/**
 * The flags of `train`. What their values may be is decided by the library, which says so in its errors.
 */
import { choice, MAX_UINT32, memorySize, tokenCount, wholeNumber } from './flag-values.js';
import type { Flag } from './flag.js';

const WHAT = 'What is trained:';
const BATCH = 'The batch:';
const HOW = 'How it computes:';
const WHERE = 'On what:';

const count = wholeNumber(1, MAX_UINT32);
const names = (text: string): string[] => text.split(',').map((name) => name.trim());

/** The values of the flags of `train`. */
export interface TrainFlags {
  readonly method?: string;
  readonly rank?: number;
  readonly targets?: readonly string[];
  readonly precision?: string;
  readonly optimizer?: string;
  readonly batch?: number;
  readonly sequence?: number;
  readonly checkpointing?: string;
  readonly attention?: string;
  readonly device?: string;
  readonly gpus?: number;
  readonly strategy?: string;
  readonly tensorParallel?: number;
  readonly pipelineParallel?: number;
  readonly offload?: readonly string[];
  readonly memory?: number;
  readonly json?: boolean;
}

/** What `--strategy` may be. */
export const STRATEGIES = ['ddp', 'zero1', 'zero2', 'zero3', 'fsdp', 'tp', 'pp'] as const;

export const TRAIN_FLAGS: readonly Flag[] = [
  {
    key: 'method',
    long: '--method',
    value: 'NAME',
    parse: String,
    help: 'full: all parameters (default); lora: small adapters beside frozen weights; qlora: the same with weights in 4 bits',
    group: WHAT,
  },
  { key: 'rank', long: '--rank', value: 'N', parse: count, help: 'rank of the adapters (default: 8)', group: WHAT },
  {
    key: 'targets',
    long: '--targets',
    value: 'LIST',
    parse: names,
    help: 'layers with adapters, such as q,v or q,k,v,o,gate,up,down (default: queries and values)',
    group: WHAT,
  },
  {
    key: 'batch',
    long: '--batch',
    value: 'N',
    parse: count,
    help: 'sequences of a step on each GPU with samples of its own (default: 1)',
    group: BATCH,
  },
  {
    key: 'sequence',
    long: '--seq',
    value: 'N',
    parse: tokenCount,
    help: 'tokens of a sequence (default: 512)',
    group: BATCH,
  },
  {
    key: 'precision',
    long: '--precision',
    value: 'NAME',
    parse: String,
    help: 'fp32 (default), bf16 or fp16 for everything; bf16-amp or fp16-amp: parameters in fp32, autocast to the smaller type',
    group: HOW,
  },
  {
    key: 'optimizer',
    long: '--optimizer',
    value: 'NAME',
    parse: String,
    help: 'adamw (default), adamw-8bit, paged-adamw, paged-adamw-8bit, sgd, sgd-momentum, adafactor, lion',
    group: HOW,
  },
  {
    key: 'checkpointing',
    long: '--checkpointing',
    value: 'NAME',
    parse: String,
    help: 'none (default), or layer: keep only the input of each block, and run the block again in the backward pass',
    group: HOW,
  },
  {
    key: 'attention',
    long: '--attention',
    value: 'NAME',
    parse: String,
    help: 'sdpa: PyTorch’s fused attention (default), eager: with stored scores, flash: the package FlashAttention 2',
    group: HOW,
  },
  {
    key: 'device',
    long: '--device',
    value: 'NAME',
    parse: String,
    help: 'whose kernels compute: cpu (default), of which every byte is verified, or cuda, which save other statistics',
    group: HOW,
  },
  {
    key: 'gpus',
    long: '--gpus',
    value: 'N',
    parse: count,
    help: 'GPUs in all (default: --tp times --pp, else 1)',
    group: WHERE,
  },
  {
    key: 'strategy',
    long: '--strategy',
    value: 'NAME',
    parse: choice(STRATEGIES),
    help: `what GPUs share: ddp nothing (default), zero1 optimiser states, zero2 gradients too, zero3 and fsdp parameters too; tp each layer, pp the model by blocks`,
    group: WHERE,
  },
  {
    key: 'tensorParallel',
    long: '--tp',
    value: 'N',
    parse: count,
    help: 'GPUs that share each layer (default: all with --strategy tp, else 1)',
    group: WHERE,
  },
  {
    key: 'pipelineParallel',
    long: '--pp',
    value: 'N',
    parse: count,
    help: 'stages of the pipeline (default: all GPUs with --strategy pp, else 1)',
    group: WHERE,
  },
  {
    key: 'offload',
    long: '--offload',
    value: 'LIST',
    parse: names,
    help: 'what lies on the host: optimizer, parameters, activations, with commas in between',
    group: WHERE,
  },
  {
    key: 'memory',
    long: '--memory',
    value: 'SIZE',
    parse: memorySize,
    help: 'memory of one GPU, such as 24GiB; the exit code is 1 if training does not fit',
    group: WHERE,
  },
];

/**
 * Whether training fits into GPUs of a size: with the CUDA context beside it, and PyTorch's caching allocator in between.
 */
import { checkArgument } from '../../errors.js';
import { CUDA_CARDS, type CudaCard } from '../cuda/cards.js';

/** A kind of GPU, by what training needs to know of it. */
export type GpuMemory = Pick<CudaCard, 'memory' | 'context' | 'workspaces'>;

/** A GPU of so many bytes of which nothing else is known: the range of contexts is that of all cards whose kernels load lazily. */
export function anyGpu(memory: number): GpuMemory {
  const isMemory = Number.isSafeInteger(memory) && memory > 0;
  checkArgument(isMemory, 'memory', memory, 'a whole number of bytes above 0', 'Give the bytes of one GPU.');
  const contexts = CUDA_CARDS.map(({ context }) => context).filter(({ most }) => most < 0.9 * 1024 ** 3);
  return {
    memory,
    context: {
      least: Math.min(...contexts.map(({ least }) => least)),
      most: Math.max(...contexts.map(({ most }) => most)),
    },
    workspaces: Math.min(...CUDA_CARDS.map(({ workspaces }) => workspaces)),
  };
}

/** Bytes that the caching allocator can have at least: the context may be as large as it was ever seen. */
export function capacityOf({ memory, context, workspaces }: GpuMemory): number {
  return Math.max(0, Math.floor(memory - context.most - workspaces));
}

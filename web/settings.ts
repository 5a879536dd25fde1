/**
 * Everything that a reader can choose, apart from the file: plain data that goes to the planner and into links.
 */
import type { AllocatorName } from 'tensor-arena';
import type { CacheType, Program } from 'tensor-arena/models';

export const ALLOCATOR_NAMES = [
  'auto',
  'ggml',
  'greedy-by-size',
  'greedy-by-lifetime',
  'greedy-by-area',
  'greedy-by-load',
  'greedy-by-start',
] as const satisfies readonly AllocatorName[];

/** `default` is what suits the allocator: `ggml` for ggml’s, `full` for all others. */
export const IN_PLACE_CHOICES = ['default', 'full', 'ggml', 'off'] as const;
export type ReuseChoice = (typeof IN_PLACE_CHOICES)[number];

/** How the compute buffer of a model is planned: as llama.cpp does, or as we would. */
export const MODEL_ALLOCATORS = ['ggml', 'auto'] as const;
export type ModelAllocator = (typeof MODEL_ALLOCATORS)[number];

/** What runs a model. */
export const PROGRAM_NAMES = ['server', 'cli', 'bench', 'library'] as const satisfies readonly Program[];

export interface Settings {
  readonly program: Program;
  /** Sequences at a time; 0 is what the program takes. */
  readonly sequences: number;
  /** Whether sequences share one cache; a server that chooses their number shares it anyway. */
  readonly unified: boolean;
  /** Most tokens of a batch whose logits are wanted; 0 is what the program wants. */
  readonly outputs: number;
  /** Tokens; 0 is the most that fits, up to what the model was trained on. */
  readonly context: number;
  /** Tokens that are computed at once. */
  readonly ubatch: number;
  readonly keyType: CacheType;
  readonly valueType: CacheType;
  readonly flashAttention: boolean;
  /** For models. */
  readonly modelAllocator: ModelAllocator;
  /** For graphs and problems. */
  readonly allocator: AllocatorName;
  /** For graphs. */
  readonly inPlace: ReuseChoice;
  /** What there is, GiB. */
  readonly memory: number;
  /** How much of it is for other programs and whatever is not counted, GiB. */
  readonly reserve: number;
}

export const DEFAULTS: Settings = {
  program: 'server',
  sequences: 0,
  unified: false,
  outputs: 0,
  context: 0,
  ubatch: 512,
  keyType: 'f16',
  valueType: 'f16',
  flashAttention: true,
  modelAllocator: 'ggml',
  allocator: 'auto',
  inPlace: 'default',
  memory: 8,
  reserve: 0,
};

/** The largest that the page takes, so that bytes stay exact. */
export const LIMITS = {
  context: 2 ** 31,
  ubatch: 2 ** 16,
  sequences: 256,
  outputs: 2 ** 31,
  memory: 2 ** 20,
  reserve: 2 ** 20,
} as const;

const GIB = 2 ** 30;

/** The memory that may be used, in bytes. */
export function memoryBytes({ memory, reserve }: Settings): number {
  return Math.max(0, Math.floor((memory - reserve) * GIB));
}

/**
 * The flags of models and plans: names as in llama.cpp, what the value may be, and which files it is for.
 *
 * Invariant: `key` is the name of the library's option, so that parsed flags are options.
 */
import { ALLOCATORS, type AllocatorName } from '../solver/allocators.js';
import type { ReuseMode } from '../liveness/liveness.js';
import { CACHE_TYPES } from '../models/cache-types.js';
import { MAX_SNAPSHOTS, MODEL_OPTIONS, type ModelOptions } from '../models/options.js';
import { OFFLOAD_OPTIONS, type OffloadOptions } from '../models/offload/options.js';
import { POOLINGS } from '../models/pooling.js';
import { PROGRAMS } from '../models/programs.js';
import { REUSE_MODES, type PlanOptions } from '../plan/options.js';
import type { MapColors, MapTheme } from '../map/theme.js';
import { RUNTIMES, type RuntimeName } from '../runtime/runtimes.js';
import type { TfliteConventionName } from '../tflite/conventions.js';
import {
  alignment,
  byteSize,
  choice,
  flashAttention,
  MAX_UINT32,
  sequenceCount,
  tokenCount,
  wholeNumber,
} from './flag-values.js';
import type { Flag } from './flag.js';
import type { FittingFlags } from './fitting-flags.js';
import type { PartFlags } from './part-flags.js';
import type { PassFlags } from './pass-flags.js';
import type { ShapeFlags } from './shape-flags.js';

/** How a model is spread over devices. */
export type OffloadFlags = Omit<OffloadOptions, 'devices'>;

/** The flags that a user gave, read. */
export type Flags = ModelOptions &
  OffloadFlags &
  FittingFlags &
  ShapeFlags &
  PartFlags &
  PassFlags & {
    /** The devices besides the CPU, as texts. */
    readonly gpu?: readonly string[];
    readonly allocator?: AllocatorName;
    readonly reuse?: ReuseMode;
    readonly runtime?: RuntimeName;
    readonly convention?: TfliteConventionName;
    readonly alignment?: number;
    readonly maxChunkSize?: number;
    readonly capacity?: number;
    readonly maxEffort?: number;
    readonly timeLimitMs?: number;
    readonly output?: string;
    readonly json?: boolean;
    readonly timeline?: boolean;
    readonly hazards?: boolean;
    readonly colors?: MapColors;
    readonly theme?: MapTheme;
  };

const FOR_MODELS = { kinds: ['model'], group: 'The model (.gguf), as in llama.cpp:' } as const;
const PLANNING = 'Planning:';

export const MODEL_FLAGS: readonly Flag[] = [
  {
    key: 'program',
    long: '--program',
    value: Object.keys(PROGRAMS).join('|'),
    parse: choice(Object.keys(PROGRAMS)),
    help: 'what runs the model: a server wants few logits of a batch, the library all (default: server)',
    ...FOR_MODELS,
  },
  {
    key: 'ctxSize',
    short: '-c',
    long: '--ctx-size',
    value: 'N',
    parse: tokenCount,
    help: 'tokens of context for all sequences together, such as 8192 or 32k; 0: what the model was trained on (default: 0)',
    ...FOR_MODELS,
  },
  {
    key: 'batchSize',
    short: '-b',
    long: '--batch-size',
    value: 'N',
    parse: tokenCount,
    help: 'tokens that can be submitted at once (default: 2048)',
    ...FOR_MODELS,
  },
  {
    key: 'ubatchSize',
    short: '-ub',
    long: '--ubatch-size',
    value: 'N',
    parse: tokenCount,
    help: 'tokens that are computed at once; 0: as many as --batch-size (default: 512)',
    ...FOR_MODELS,
  },
  {
    key: 'parallel',
    short: '-np',
    long: '--parallel',
    value: 'N',
    parse: sequenceCount,
    help: 'sequences that are computed in parallel (default, and -1: 4 that share one cache for --program server, else 1)',
    ...FOR_MODELS,
  },
  {
    key: 'kvUnified',
    short: '-kvu',
    long: '--kv-unified',
    help: 'one KV cache that all sequences share, instead of an equal part for each',
    ...FOR_MODELS,
  },
  {
    key: 'kvUnified',
    short: '-no-kvu',
    long: '--no-kv-unified',
    help: 'a KV cache in equal parts, one for each sequence',
    ...FOR_MODELS,
  },
  {
    key: 'flashAttention',
    short: '-fa',
    long: '--flash-attn',
    value: 'on|off|auto',
    parse: flashAttention,
    help: 'flash attention; auto is on, unless a device cannot compute it (default: auto)',
    ...FOR_MODELS,
  },
  {
    key: 'cacheTypeK',
    short: '-ctk',
    long: '--cache-type-k',
    value: 'TYPE',
    parse: choice(CACHE_TYPES),
    help: `element type of cached keys: ${CACHE_TYPES.join(', ')} (default: f16)`,
    ...FOR_MODELS,
  },
  {
    key: 'cacheTypeV',
    short: '-ctv',
    long: '--cache-type-v',
    value: 'TYPE',
    parse: choice(CACHE_TYPES),
    help: 'element type of cached values, one of the same (default: f16)',
    ...FOR_MODELS,
  },
  {
    key: 'swaFull',
    long: '--swa-full',
    help: 'a KV cache of full length for layers with a sliding window, too',
    ...FOR_MODELS,
  },
  {
    key: 'outputs',
    long: '--outputs',
    value: 'N',
    parse: wholeNumber(0, MAX_UINT32),
    help: 'most tokens of a batch whose logits are wanted; 0: all (default: as --program does)',
    ...FOR_MODELS,
  },
  {
    key: 'stateSnapshots',
    long: '--state-snapshots',
    value: 'N',
    parse: wholeNumber(0, MAX_SNAPSHOTS),
    help: 'snapshots of its recurrent state that each sequence keeps, to go back where a draft was wrong (default: as --spec-type does, else 0)',
    ...FOR_MODELS,
  },
  {
    key: 'embeddings',
    long: '--embeddings',
    aliases: ['--embedding'],
    help: 'embeddings of texts besides logits, as a server for embeddings computes them',
    ...FOR_MODELS,
  },
  {
    key: 'pooling',
    long: '--pooling',
    value: POOLINGS.join('|'),
    parse: choice(POOLINGS),
    help: 'how the embeddings of a text become one (default: as the model says)',
    ...FOR_MODELS,
  },
  {
    key: 'phase',
    long: '--phase',
    value: 'pp|tg',
    parse: choice(['pp', 'tg']),
    help: 'the graph for prompt processing or for token generation (default: pp)',
    ...FOR_MODELS,
  },
];

const MAX_CHUNK_SIZE: Flag = {
  key: 'maxChunkSize',
  long: '--max-chunk-size',
  value: 'SIZE',
  parse: byteSize,
  help: 'bytes that one chunk of the buffer may have (default: no limit, one chunk)',
  group: PLANNING,
};

const RUNTIME: Flag = {
  key: 'runtime',
  long: '--runtime',
  value: 'NAME',
  parse: choice(Object.keys(RUNTIMES)),
  help: `what runs the graph, and may compute several nodes at once: ${Object.keys(RUNTIMES).join(', ')} (default: ggml-cpu; none for a .tflite; for verify, what the plan says)`,
  kinds: ['graph', 'model'],
  group: PLANNING,
};

export const PLAN_FLAGS: readonly Flag[] = [
  {
    key: 'allocator',
    long: '--allocator',
    value: 'NAME',
    parse: choice(Object.keys(ALLOCATORS)),
    help: `${Object.keys(ALLOCATORS).join(', ')} (default: ggml for a .gguf, as llama.cpp; auto, the best, for the rest)`,
    group: PLANNING,
  },
  {
    key: 'reuse',
    long: '--in-place',
    value: REUSE_MODES.join('|'),
    parse: choice(REUSE_MODES),
    help: 'which results may overwrite an operand: all that are provably right, those of ggml, none (default: ggml for the allocator ggml, else full)',
    kinds: ['graph', 'model'],
    group: PLANNING,
  },
  {
    key: 'alignment',
    long: '--alignment',
    value: 'SIZE',
    parse: alignment,
    help: 'offsets are multiples of this power of two (default: 32; 64 for a .onnx; for a .tflite as --convention has it; for a .csv 1, and its own column comes first)',
    group: PLANNING,
  },
  RUNTIME,
  MAX_CHUNK_SIZE,
];

export const CAPACITY_FLAG: Flag = {
  key: 'capacity',
  long: '--capacity',
  value: 'SIZE',
  parse: byteSize,
  help: 'bytes that there are; a plan that needs more is not written, and the exit code is 1',
  group: PLANNING,
};

const MAX_EFFORT: Flag = {
  key: 'maxEffort',
  long: '--max-steps',
  value: 'N',
  parse: wholeNumber(0, Number.MAX_SAFE_INTEGER),
  help: 'search for so many steps at most, whether for --capacity or for the smallest plan (default: a glance, 200000 for --capacity)',
  kinds: ['problem'],
  group: PLANNING,
};

/** How long to search for a smaller placement. */
export const SEARCH_FLAGS: readonly Flag[] = [
  MAX_EFFORT,
  { ...MAX_EFFORT, long: '--max-effort', help: 'the same as --max-steps' },
  {
    key: 'timeLimitMs',
    long: '--time-limit',
    value: 'SECONDS',
    parse: (text) => 1000 * wholeNumber(0, MAX_UINT32)(text),
    help: 'search for so many seconds at most; what is found then depends on the machine (default: no limit)',
    kinds: ['problem'],
    group: PLANNING,
  },
];

/** What a plan is checked against. */
export const LIMIT_FLAGS: readonly Flag[] = [RUNTIME, MAX_CHUNK_SIZE];

/** Those of the flags that are options of a model. */
export function modelOptionsOf(flags: ModelOptions): ModelOptions {
  const given = Object.entries(flags).filter(([key]) => Object.hasOwn(MODEL_OPTIONS, key));
  return Object.fromEntries(given);
}

/** Those of the flags that spread a model over devices. */
export function offloadOptionsOf(flags: Flags): OffloadFlags {
  return Object.fromEntries(Object.entries(flags).filter(([key]) => Object.hasOwn(OFFLOAD_OPTIONS, key)));
}

/** Those of the flags that say how to plan. `defaultAllocator` applies if the user named none. */
export function planOptionsOf(flags: Flags, defaultAllocator: AllocatorName): PlanOptions {
  const { allocator = defaultAllocator, reuse, runtime, alignment: bytes, maxChunkSize } = flags;
  return { allocator, reuse, runtime, alignment: bytes, maxChunkSize };
}

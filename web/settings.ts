/**
 * Everything that a reader can choose, apart from the file: plain data that goes to the planner and into links.
 */
import type { AllocatorName } from 'tensor-arena';
import type { CacheType, Program } from 'tensor-arena/models';
import type { Kind } from './examples.js';
import { CPU_ONLY } from './machines.js';

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
  /** Lengths that the file of a network leaves open, by name; one that is absent is as the page chooses it. */
  readonly dims: Readonly<Record<string, number>>;
  /** What there is, GiB. */
  readonly memory: number;
  /** How much of it is for other programs and whatever is not counted, GiB. */
  readonly reserve: number;
  /** The devices beside the CPU, as `machines.ts` writes them; empty for none. What follows matters only with some. */
  readonly machine: string;
  /** Layers on GPUs, the output counted as one; `auto` is as many as fit, with host experts and split chosen as well. */
  readonly layers: number | 'auto';
  /** Layers, the first ones, whose experts stay on the host. */
  readonly hostExperts: number;
  /** The share of the layers of each GPU, as `20,13`; empty for the free memory of each. */
  readonly split: string;
  /** Whether all GPUs share the layers, or only one has some: its index. */
  readonly cards: number | 'all';
  /** Whether keys and values are on the device of their layer. */
  readonly kvOffload: boolean;
  /** What stays free on each GPU for whatever is not counted, GiB. */
  readonly margin: number;
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
  dims: {},
  memory: 8,
  reserve: 0,
  machine: CPU_ONLY,
  layers: 'auto',
  hostExperts: 0,
  split: '',
  cards: 'all',
  kvOffload: true,
  margin: 1,
};

/** The largest that the page takes, so that bytes stay exact. */
export const LIMITS = {
  context: 2 ** 31,
  ubatch: 2 ** 16,
  sequences: 256,
  outputs: 2 ** 31,
  memory: 2 ** 20,
  reserve: 2 ** 20,
  layers: 2 ** 16,
  hostExperts: 2 ** 16,
  cards: 15,
  margin: 2 ** 20,
} as const;

/** The greatest length of a dimension that the page takes. */
export const MOST_LENGTH = 2 ** 31;

const GIB = 2 ** 30;

/** The memory that may be used, in bytes. */
export function memoryBytes({ memory, reserve }: Settings): number {
  return Math.max(0, Math.floor((memory - reserve) * GIB));
}

/** The bytes that stay free on each GPU. */
export function marginBytes({ margin }: Settings): number {
  return Math.floor(margin * GIB);
}

/** Settings that are about GPUs alone. */
export const MACHINE_KEYS = [
  'machine',
  'layers',
  'hostExperts',
  'split',
  'cards',
  'kvOffload',
  'margin',
] as const satisfies readonly (keyof Settings)[];

const ROOM_KEYS: ReadonlySet<string> = new Set(['memory', 'reserve', 'margin']);

/** Whether a change is only about how much room there is. */
export function isAboutRoom(changes: Partial<Settings>): boolean {
  return Object.keys(changes).every((key) => ROOM_KEYS.has(key));
}

/** Whether another plan may come of a change: of the room, only where something is chosen by it. */
export function planDependsOn(changes: Partial<Settings>, settings: Settings, kind: Kind | null): boolean {
  if (!isAboutRoom(changes)) return true;
  if (kind !== 'model') return false;
  if (settings.machine === CPU_ONLY) return settings.context === 0;
  return 'margin' in changes && (settings.context === 0 || settings.layers === 'auto');
}

/**
 * The flags of what llama.cpp loads or keeps beside a model, with llama.cpp's names, and of which devices take part.
 */
import { InvalidArgumentError } from 'commander';
import type { OffloadOptions } from '../models/offload/options.js';
import { EXPERTS, type TensorOverride } from '../models/offload/overrides.js';
import { CACHE_TYPES } from '../models/cache-types.js';
import { always, expertLayers, layerCount, overrides } from './device-flags.js';
import type { Flag } from './flag.js';
import { choice, MAX_UINT32, wholeNumber } from './flag-values.js';

/** A LoRA adapter, by its file. */
export interface AdapterFile {
  readonly file: string;
  readonly scale: number;
}

/** These flags, read. */
export interface PartFlags {
  /** The devices that take part, by name and in order; `none`: only the CPU. */
  readonly device?: readonly string[];
  readonly lora?: readonly AdapterFile[];
  readonly draftModel?: string;
  readonly draftGpuLayers?: OffloadOptions['gpuLayers'];
  readonly draftDevice?: readonly string[];
  readonly draftCacheTypeK?: string;
  readonly draftCacheTypeV?: string;
  readonly draftOverrides?: readonly TensorOverride[];
  /** What drafts tokens. */
  readonly specTypes?: readonly string[];
  /** Most tokens of a draft. */
  readonly draftLength?: number;
  readonly projector?: string;
  readonly projectorOffload?: boolean;
  readonly projectorDevice?: readonly string[];
  /** MiB; -1: no limit. */
  readonly cacheRam?: number;
  readonly ctxCheckpoints?: number;
}

/** By layers that predict further tokens. */
export const DRAFT_MTP = 'draft-mtp';
export const DRAFT_DFLASH = 'draft-dflash';
export const DRAFT_DSPARK = 'draft-dspark';

/** What drafts with snapshots of the states of the model, as `need_n_rs_seq` of llama.cpp says. */
export const SNAPSHOT_TYPES: readonly string[] = [DRAFT_MTP, 'draft-eagle3', DRAFT_DFLASH, DRAFT_DSPARK];

/** Tokens of a draft where nothing is said. */
export const DRAFT_TOKENS = 3;

const FOR_PARTS = { kinds: ['model'], group: 'Beside the model (with --gpu, for .gguf), as in llama.cpp:' } as const;

type PartFlag = Flag & { readonly key: keyof PartFlags };

export const ADAPTER_FLAGS: readonly PartFlag[] = [
  {
    key: 'lora',
    long: '--lora',
    value: 'FILES',
    parse: (text) => text.split(',').map((file) => ({ file, scale: 1 })),
    isList: true,
    help: 'LoRA adapters (.gguf) that are loaded and applied, separated by commas',
    ...FOR_PARTS,
  },
  {
    key: 'lora',
    long: '--lora-scaled',
    value: 'FILE:SCALE,…',
    parse: scaledAdapters,
    isList: true,
    help: 'as --lora, each with a scale; 0: loaded, but not applied',
    ...FOR_PARTS,
  },
];

export const PART_FLAGS: readonly PartFlag[] = [
  {
    key: 'device',
    short: '-dev',
    long: '--device',
    value: 'NAMES',
    parse: deviceNames,
    help: 'the devices that take part, in this order, such as CUDA1,CUDA0; none: only the CPU (default: all of --gpu)',
    ...FOR_PARTS,
  },
  ...ADAPTER_FLAGS,
  {
    key: 'draftModel',
    short: '-md',
    long: '--model-draft',
    aliases: ['--spec-draft-model'],
    value: 'FILE',
    parse: (text) => text,
    help: 'the draft model of speculative decoding (.gguf)',
    ...FOR_PARTS,
  },
  {
    key: 'draftGpuLayers',
    short: '-ngld',
    long: '--gpu-layers-draft',
    aliases: ['--spec-draft-ngl', '--n-gpu-layers-draft'],
    value: 'N',
    parse: layerCount,
    help: 'as --gpu-layers, of the draft model (default: all)',
    ...FOR_PARTS,
  },
  {
    key: 'draftDevice',
    short: '-devd',
    long: '--device-draft',
    aliases: ['--spec-draft-device'],
    value: 'NAMES',
    parse: deviceNames,
    help: 'as --device, of the draft model (default: all)',
    ...FOR_PARTS,
  },
  {
    key: 'draftCacheTypeK',
    short: '-ctkd',
    long: '--cache-type-k-draft',
    aliases: ['--spec-draft-type-k'],
    value: 'TYPE',
    parse: choice(CACHE_TYPES),
    help: 'as --cache-type-k, of the draft model (default: f16)',
    ...FOR_PARTS,
  },
  {
    key: 'draftCacheTypeV',
    short: '-ctvd',
    long: '--cache-type-v-draft',
    aliases: ['--spec-draft-type-v'],
    value: 'TYPE',
    parse: choice(CACHE_TYPES),
    help: 'as --cache-type-v, of the draft model (default: f16)',
    ...FOR_PARTS,
  },
  {
    key: 'draftOverrides',
    short: '-otd',
    long: '--override-tensor-draft',
    aliases: ['--spec-draft-override-tensor'],
    value: 'LIST',
    parse: overrides,
    isList: true,
    help: 'as --override-tensor, of the draft model',
    ...FOR_PARTS,
  },
  {
    key: 'draftOverrides',
    short: '-cmoed',
    long: '--cpu-moe-draft',
    aliases: ['--spec-draft-cpu-moe'],
    parse: always([EXPERTS]),
    isList: true,
    help: 'as --cpu-moe, of the draft model',
    ...FOR_PARTS,
  },
  {
    key: 'draftOverrides',
    short: '-ncmoed',
    long: '--n-cpu-moe-draft',
    aliases: ['--spec-draft-n-cpu-moe', '--spec-draft-ncmoe'],
    value: 'N',
    parse: expertLayers,
    isList: true,
    help: 'as --n-cpu-moe, of the draft model',
    ...FOR_PARTS,
  },
  {
    key: 'specTypes',
    long: '--spec-type',
    value: 'TYPES',
    parse: specTypes,
    isList: true,
    help: 'what drafts tokens; draft-mtp: the draft model, or without one the model itself, by its layers that predict further tokens',
    ...FOR_PARTS,
  },
  {
    key: 'draftLength',
    long: '--spec-draft-n-max',
    aliases: ['--draft-max', '--draft-n', '--draft'],
    value: 'N',
    parse: wholeNumber(0, MAX_UINT32),
    help: `most tokens of a draft, which decides --outputs and --state-snapshots (default: ${DRAFT_TOKENS})`,
    ...FOR_PARTS,
  },
  {
    key: 'projector',
    short: '-mm',
    long: '--mmproj',
    value: 'FILE',
    parse: (text) => text,
    help: 'the multimodal projector (.gguf), with what it computes at the start',
    ...FOR_PARTS,
  },
  {
    key: 'projectorOffload',
    long: '--no-mmproj-offload',
    parse: always(false),
    help: 'keep the projector on the CPU',
    ...FOR_PARTS,
  },
  {
    key: 'projectorOffload',
    long: '--mmproj-offload',
    parse: always(true),
    help: 'put the projector on the first device (the default)',
    ...FOR_PARTS,
  },
  {
    key: 'projectorDevice',
    short: '-mmdev',
    long: '--mmproj-device',
    value: 'NAME',
    parse: deviceNames,
    help: 'the device of the projector; none: the CPU (default: the first one)',
    ...FOR_PARTS,
  },
  {
    key: 'cacheRam',
    short: '-cram',
    long: '--cache-ram',
    value: 'MIB',
    parse: (text) => (text === '-1' ? -1 : wholeNumber(0, MAX_UINT32)(text)),
    help: 'most MiB of prompts that a server keeps in host memory; 0: none, -1: no limit (default: 8192)',
    ...FOR_PARTS,
  },
  {
    key: 'ctxCheckpoints',
    short: '-ctxcp',
    long: '--ctx-checkpoints',
    aliases: ['--swa-checkpoints'],
    value: 'N',
    parse: wholeNumber(0, MAX_UINT32),
    help: 'most checkpoints that a server keeps of each sequence in host memory (default: 32)',
    ...FOR_PARTS,
  },
];

function deviceNames(text: string): readonly string[] {
  const names = text.split(',').filter((name) => name !== '');
  if (names.length > 0) return names;
  throw new InvalidArgumentError('It must be a list of devices such as CUDA0,CUDA1, or none.');
}

function scaledAdapters(text: string): readonly AdapterFile[] {
  return text.split(',').map((item) => {
    const [, file, scale] = /^(.+):([^:]+)$/.exec(item) ?? [];
    if (file !== undefined && Number.isFinite(Number(scale))) return { file, scale: Number(scale) };
    throw new InvalidArgumentError('It must be a list such as adapter.gguf:0.5.');
  });
}

const SPEC_TYPES = words(`
  none draft-simple ${SNAPSHOT_TYPES.join(' ')}
  ngram-simple ngram-map-k ngram-map-k4v ngram-mod ngram-cache`);

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

function specTypes(text: string): readonly string[] {
  const types = text.split(',');
  if (types.every((type) => SPEC_TYPES.includes(type))) return types;
  throw new InvalidArgumentError(`It must be a list of ${SPEC_TYPES.join(', ')}.`);
}

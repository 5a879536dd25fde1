/**
 * The numbers of a model that users hand in are checked before anything is built from them.
 */
import { checkArgument, checkChoice, wrongValue } from '../../errors.js';
import type { DiffusionModel } from './model.js';

/** What a field may be: a number, true or false, or something made of such fields. `few` bounds what is built. */
type Rule =
  | 'count'
  | 'few'
  | 'positive'
  | 'flag'
  | 'text'
  | 'factor'
  | Fields
  | readonly [Rule]
  | OrEmpty
  | Kinds
  | Nullable
  | Either;
interface Fields {
  readonly [field: string]: Rule;
}
/** Fields that depend on `kind`. */
interface Kinds {
  readonly kinds: Readonly<Record<string, Fields>>;
}
/** A list that may have no entries; other lists have at least one. */
interface OrEmpty {
  readonly orEmpty: Rule;
}
interface Nullable {
  readonly orNull: Rule;
}
/** One of several fields. */
interface Either {
  readonly oneOf: Fields;
}

const CLIP_LAYER: Fields = { feedForwardLength: 'positive', heads: 'positive', isQuick: 'flag' };
const RUN: Fields = { skippedLayers: 'few', hasFinalNorm: 'flag', isPooled: 'flag' };

const CLIP: Fields = {
  ...CLIP_LAYER,
  tokens: 'positive',
  vocabulary: 'positive',
  length: 'positive',
  layers: 'few',
  projectionLength: { orNull: 'positive' },
};
const T5: Fields = {
  vocabulary: 'positive',
  length: 'positive',
  feedForwardLength: 'positive',
  heads: 'positive',
  layers: 'few',
  hasOwnDistances: 'flag',
  isMasked: 'flag',
};
const CLIP_VISION: Fields = {
  ...CLIP_LAYER,
  size: 'positive',
  patch: 'positive',
  length: 'positive',
  layers: 'few',
};
const UNET: Fields = {
  latentChannels: 'positive',
  conditionChannels: 'count',
  channels: 'positive',
  multipliers: ['positive'],
  depthsDown: [['few']],
  depthMiddle: 'few',
  depthsUp: [['few']],
  heads: { oneOf: { count: 'positive', length: 'positive' } },
  contextLength: 'positive',
  vectorLength: 'count',
  hasLinearProjection: 'flag',
  motion: { orNull: { heads: 'positive', maxFrames: 'positive', hasMiddle: 'flag' } },
};
const MMDIT: Fields = {
  latentChannels: 'positive',
  patch: 'positive',
  length: 'positive',
  layers: 'few',
  contextLength: 'positive',
  vectorLength: 'positive',
  positionSize: 'positive',
  dualLayers: 'few',
  hasHeadNorm: 'flag',
};
const FLUX: Fields = {
  latentChannels: 'positive',
  conditions: { orEmpty: 'positive' },
  patch: 'positive',
  length: 'positive',
  heads: 'positive',
  doubleLayers: 'few',
  singleLayers: 'few',
  contextLength: 'positive',
  vectorLength: 'positive',
  hasGuidance: 'flag',
};
const WAN: Fields = {
  latentChannels: 'positive',
  conditionChannels: 'count',
  patch: ['positive'],
  length: 'positive',
  feedForwardLength: 'positive',
  heads: 'positive',
  layers: 'few',
  contextLength: 'positive',
  hasFrameTimes: 'flag',
  imageContext: { orNull: { tokens: 'positive', length: 'positive' } },
};
const KL: Fields = {
  latentChannels: 'positive',
  channels: 'positive',
  multipliers: ['positive'],
  blocksPerLevel: 'few',
  hasQuantConvolution: 'flag',
};
const WAN_VAE: Fields = {
  latentChannels: 'positive',
  channels: { encoder: 'positive', decoder: 'positive' },
  multipliers: ['positive'],
  halvesTime: ['flag'],
  blocksPerLevel: 'few',
  patch: 'positive',
  hasShortcuts: 'flag',
};

const MODEL: Fields = {
  encoders: {
    orEmpty: { name: 'text', description: { kinds: { clip: CLIP, t5: T5, 'clip-vision': CLIP_VISION } } },
  },
  denoiser: { kinds: { unet: UNET, mmdit: MMDIT, flux: FLUX, wan: WAN } },
  denoiserNames: ['text'],
  autoencoder: { kinds: { kl: KL, 'wan-vae': WAN_VAE } },
  convolutionScale: 'factor',
  pixelsPerLatent: 'positive',
  sizeMultiple: 'positive',
  rowsPerChunk: 'positive',
  references: 'few',
};

const REMEDY = 'Give the name of a model, or an object like those in DIFFUSION_MODELS.';

/** The most layers, blocks or entries of a list. */
const MOST = 512;

/** Whether a value is as a plain rule says, and how a message says it. */
const PLAIN: Readonly<Record<string, { readonly limit: string; readonly holds: (value: unknown) => boolean }>> = {
  count: { limit: 'an integer of at least 0', holds: (value) => Number.isSafeInteger(value) && Number(value) >= 0 },
  few: {
    limit: `an integer from 0 to ${MOST}`,
    holds: (value) => Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= MOST,
  },
  positive: { limit: 'an integer of at least 1', holds: (value) => Number.isSafeInteger(value) && Number(value) > 0 },
  flag: { limit: 'true or false', holds: (value) => typeof value === 'boolean' },
  text: { limit: 'a string', holds: (value) => typeof value === 'string' },
  factor: { limit: 'a number above 0', holds: (value) => Number.isFinite(value) && Number(value) > 0 },
};

/** @throws PlannerError `BAD_ARGUMENT` naming the field */
export function checkModel(model: unknown): asserts model is DiffusionModel {
  check(model, MODEL, 'model');
  const { encoders } = model as DiffusionModel;
  for (const [index, encoder] of encoders.entries()) {
    const { kind } = encoder.description;
    if (kind === 'clip') check(encoder, { runs: [RUN] }, `model.encoders[${index}]`);
    if (kind === 't5') check(encoder, { tokens: 'positive' }, `model.encoders[${index}]`);
  }
}

function check(value: unknown, rule: Rule, path: string): void {
  if (typeof rule === 'string') {
    const { limit, holds } = PLAIN[rule];
    if (!holds(value)) throw wrongValue('BAD_ARGUMENT', { culprit: path, value, limit, remedy: REMEDY });
    return;
  }
  if (Array.isArray(rule)) {
    checkList(value, rule[0] as Rule, path, 1);
    return;
  }
  if ('orEmpty' in rule) {
    checkList(value, rule.orEmpty, path, 0);
    return;
  }
  if ('orNull' in rule) {
    if (value !== null) check(value, rule.orNull, path);
    return;
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  checkArgument(isObject, path, value, 'an object', REMEDY);
  const fields = value as Readonly<Record<string, unknown>>;
  for (const [field, each] of Object.entries(fieldsOf(rule as Fields | Kinds | Either, fields, path))) {
    check(fields[field], each, `${path}.${field}`);
  }
}

function checkList(value: unknown, rule: Rule, path: string, fewest: number): void {
  const isList = Array.isArray(value) && value.length >= fewest && value.length <= MOST;
  checkArgument(isList, path, value, `a list of ${fewest} to ${MOST}`, REMEDY);
  for (const [index, each] of (value as unknown[]).entries()) check(each, rule, `${path}[${index}]`);
}

/** The rules that hold for an object. */
function fieldsOf(rule: Fields | Kinds | Either, value: Readonly<Record<string, unknown>>, path: string): Fields {
  if ('kinds' in rule) {
    const { kinds } = rule as Kinds;
    checkChoice(`${path}.kind`, value['kind'], Object.keys(kinds));
    return kinds[value['kind'] as string];
  }
  if (!('oneOf' in rule)) return rule;
  const choices = (rule as Either).oneOf;
  const given = Object.keys(choices).filter((field) => field in value);
  checkArgument(given.length === 1, path, value, `an object with one of ${Object.keys(choices).join(', ')}`, REMEDY);
  return { [given[0]]: choices[given[0]] };
}

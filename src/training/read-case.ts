/**
 * A case as a document: `model` and `run` in the words of recorded runs of PyTorch, or in this library's own.
 */
import { checkArgument, PlannerError, shown, unknownField } from '../errors.js';
import { ConfigReader } from './config.js';
import { familyOf } from './families/families.js';
import { modelOf, type Numbers } from './families/family.js';
import type { TrainingModel } from './model.js';
import { resolveRun } from './resolve-run.js';
import type { OptimizerName, TrainingRun } from './run.js';

/** A model, and how it is trained. */
export interface TrainingCase {
  readonly model: TrainingModel;
  readonly run: TrainingRun;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a case from a parsed JSON document with the fields `model` and `run`.
 *
 * @throws PlannerError `BAD_MODEL`, `BAD_DOCUMENT`, `BAD_ARGUMENT`, `UNKNOWN_ARCHITECTURE`
 */
export function trainingCaseFromJson(document: unknown): TrainingCase {
  const { model, run } = (document ?? {}) as { readonly model?: unknown; readonly run?: unknown };
  const isCase = [model, run].every((each) => typeof each === 'object' && each !== null && !Array.isArray(each));
  checkArgument(isCase, 'document', document, 'an object with the objects model and run', 'Parse the file first.');
  const read = readModel(model as Fields);
  const asked = readRun(run as Fields);
  resolveRun(read, asked); // refuses what no run can be
  return { model: read, run: asked };
}

function readModel(fields: Fields): TrainingModel {
  const { family, name = family } = fields;
  const { family: known } = familyOf(String(family));
  const config = new ConfigReader(fields, String(name));
  const hidden = config.count('hidden');
  const heads = config.count('heads');
  const headDim = config.countOr(hidden / heads, 'headDim');
  const numbers: Numbers = {
    vocab: config.count('vocab'),
    hidden,
    layers: config.count('layers'),
    decoderLayers: config.countOrNone('decoderLayers'),
    heads,
    kvHeads: config.countOr(heads, 'kvHeads'),
    headDim,
    ffn: config.count('ffn'),
    positionRows: config.countOrNone('positionRows') || config.countOrNone('positions'),
    embeddingWidth: config.countOr(hidden, 'embeddingProjection', 'embeddingWidth'),
    tiedEmbeddings: config.flagOr(true, 'tiedEmbeddings'),
    ...proseOf(fields, headDim),
    ...ownWords(fields),
  };
  return modelOf(known, String(name), numbers);
}

/** Fields that a document may have in this library's words. */
const OWN = [
  ...[
    'normalizesFirst',
    'hasParallelParts',
    'attentionBias',
    'rotaryDim',
    'relativeBuckets',
    'experts',
    'slidingWindow',
  ],
  ...['isGated'],
];

function ownWords(fields: Fields): Partial<Numbers> {
  return Object.fromEntries(OWN.filter((name) => name in fields).map((name) => [name, fields[name]]));
}

/** What recorded runs say in words. */
function proseOf(fields: Fields, headDim: number): Partial<Numbers> {
  const words = (name: string): string => {
    const value = fields[name];
    return typeof value === 'string' ? value : '';
  };
  const [norm, biases, positions, activation] = ['norm', 'biases', 'positionEmbedding', 'activation'].map(words);
  const share = /rope on (\d+) %/.exec(positions);
  const rotary = share === null ? 1 : Number(share[1]) / 100;
  const isPlain = activation.startsWith('gelu_new') || activation === 'gelu-new';
  return {
    normalizesFirst: !norm.includes('post'),
    hasParallelParts: norm.includes('parallel residual'),
    attentionBias: { qkv: /all|q, k, v/.test(biases), output: biases.includes('all') },
    rotaryDim: positions.includes('rope') ? Math.floor(headDim * rotary) : 0,
    relativeBuckets: Number(/(\d+) buckets/.exec(positions)?.[1] ?? 0),
    activation: isPlain ? 'gelu-new' : (ACTIVATIONS.find((each) => activation.startsWith(each)) ?? 'gelu'),
    isGated: activation.includes('gated'),
  };
}

const ACTIVATIONS = ['relu', 'silu', 'gelu-tanh', 'gelu'] as const;

const RUN_FIELDS: readonly string[] = [
  ...['batch', 'sequence', 'targetSequence', 'precision', 'attention', 'checkpointing', 'optimizer', 'foreach'],
  ...['implementation', 'method', 'lora', 'device', 'stepInBackward', 'lossChunks', 'offloadActivations'],
];

const OPTIMIZERS: Readonly<Record<string, OptimizerName>> = {
  AdamW: 'adamw',
  SGD: 'sgd',
  'SGD momentum 0.9': 'sgd-momentum',
};

function readRun(fields: Fields): TrainingRun {
  for (const field of Object.keys(fields)) {
    if (!RUN_FIELDS.includes(field)) throw unknownField('BAD_DOCUMENT', { owner: 'run', field, names: RUN_FIELDS });
  }
  const { precision, attention, checkpointing, optimizer, foreach, lora, ...rest } = fields;
  const run = { ...rest } as Record<string, unknown>;
  if (precision !== undefined) run.precision = reworded(precision, (word) => word.replace(/autocast$/, 'amp'));
  if (attention !== undefined) run.attention = reworded(attention, (word) => word.split(' ')[0]);
  if (checkpointing !== undefined) run.checkpointing = readCheckpointing(checkpointing);
  if (optimizer !== undefined) run.optimizer = reworded(optimizer, (word) => OPTIMIZERS[word] ?? word);
  if (foreach !== undefined) run.implementation = foreach === true ? 'foreach' : 'for-loop';
  if (lora !== undefined) run.lora = readLora(lora);
  return run as unknown as TrainingRun;
}

/** A word of a document in this library's words; what is no word stays as it is, and is refused as such. */
function reworded(value: unknown, change: (word: string) => string): unknown {
  return typeof value === 'string' ? change(value) : value;
}

function readCheckpointing(value: unknown): unknown {
  return typeof value === 'string' && value.startsWith('every block') ? 'layer' : value;
}

function readLora(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) {
    throw new PlannerError('BAD_DOCUMENT', {
      message: `The field \`lora\` of \`run\` is ${shown(value)}, but must be an object.`,
      culprit: 'lora of run',
      value,
      limit: 'an object with rank and targets',
      remedy: 'Leave it out for the usual adapters.',
    });
  }
  const { r, adapterPrecision, ...rest } = value as Fields;
  return {
    ...rest,
    ...(r === undefined ? {} : { rank: r }),
    ...(adapterPrecision === undefined ? {} : { precision: adapterPrecision }),
  };
}

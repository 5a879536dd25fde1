/**
 * The options that the user may give, and the values that llama.cpp makes of them.
 *
 * Invariant: limits and rounding are those of llama.cpp's `llama_context` constructor and `sched_reserve`.
 */
import { checkOptions, wrongValue, type OptionNames, type PlannerError } from '../errors.js';
import type { Gguf } from '../gguf/types.js';
import type { ElementType } from '../tensor/element-type.js';
import { alignUp } from '../units.js';
import { cacheType, checkCacheTypes } from './cache-types.js';
import type { Hyperparameters } from './hyperparameters.js';
import { resolvePooling, type Pooling } from './pooling.js';
import { AUTO_PARALLEL, AUTO_SEQUENCES, checkProgram, PROGRAMS, type Program } from './programs.js';

/** `pp`: a full batch of the prompt, the worst case; `tg`: one token per sequence. */
export type Phase = 'pp' | 'tg';

/** Whether attention is computed without writing its scores to memory; `auto`: wherever that is supported. */
export type FlashAttention = boolean | 'auto';

/** What a context runs: a model, or the layers alone that predict further tokens. */
export type ContextType = 'default' | 'mtp';

/** Options of `measureModel`, named as llama.cpp names them. */
export interface ModelOptions {
  /**
   * The program that runs the model. It decides how many tokens have logits, and how many sequences there are. Default
   * `server`.
   */
  readonly program?: Program;
  /** Tokens of context, for all sequences together. Default, and 0: the tokens that the model was trained on. */
  readonly ctxSize?: number;
  /** Tokens that may be submitted at once. Default 2048. */
  readonly batchSize?: number;
  /** Tokens that are computed at once. Default 512; 0: as many as `batchSize`. */
  readonly ubatchSize?: number;
  /**
   * Sequences at a time, 1 to 256. Default 1; -1 for the program `server`, which lets the server choose: 4 sequences
   * that share one cache.
   */
  readonly parallel?: number;
  /**
   * Whether all sequences share one cache instead of an equal part each. Default false, and true where `parallel` is
   * -1.
   */
  readonly kvUnified?: boolean;
  /**
   * Whether attention never writes its scores to memory. Default `auto`, which is true here: a CPU supports flash
   * attention.
   */
  readonly flashAttention?: FlashAttention;
  /** Element type of cached keys. Default `f16`. */
  readonly cacheTypeK?: string;
  /** Element type of cached values. Default `f16`; quantised types need flash attention. */
  readonly cacheTypeV?: string;
  /** Whether layers with a sliding window get a cache of full length. Default false. */
  readonly swaFull?: boolean;
  /**
   * Most tokens of a batch whose logits are wanted; 0: all. Default: one per sequence for the programs `server` and
   * `cli`, all for `bench` and `library`, with embeddings, and of models with an encoder. A server with drafts of N
   * tokens wants 1 + N per sequence.
   */
  readonly outputs?: number;
  /** Whether embeddings of texts are wanted, too. A server then computes no more tokens at once than it takes. Default false. */
  readonly embeddings?: boolean;
  /** How the embeddings of a text's tokens become one: `none`, `mean`, `cls`, `last` or `rank`. Default: as the file says. */
  readonly pooling?: Pooling;
  /**
   * Whether the layers that predict further tokens are loaded, too, as llama-server does for `--spec-type draft-mtp`.
   * Default false, and true for a context of them.
   */
  readonly loadMtp?: boolean;
  /** Whether the context runs these layers alone (`mtp`) or the model. Default `default`. */
  readonly contextType?: ContextType;
  /**
   * Snapshots of a recurrent or compressed state that each sequence keeps beside it, so that it can go back as many
   * tokens where a draft was wrong. llama-server takes as many as a draft of MTP, EAGLE-3, DFlash or DSpark has tokens:
   * 3 if nothing is said. Default 0, at most 4096. Models that llama.cpp takes none of ignore it.
   */
  readonly stateSnapshots?: number;
  /** Which graph to return. Default `pp`. */
  readonly phase?: Phase;
  /** The header of the model whose tokens this one guesses, for drafts that lack what they share with it. */
  readonly target?: Gguf;
  /** The options of that model, for drafts that read its cache. Default: those of the draft. */
  readonly targetOptions?: SizeOptions;
}

/** Options that say which graph is meant, or what another model lends. */
export type GraphOption = 'phase' | 'contextType' | 'target' | 'targetOptions';

/** The options that the sizes of one model depend on: all but the phase and another model. */
export type SizeOptions = Omit<ModelOptions, GraphOption>;

export const SIZE_OPTIONS: OptionNames<SizeOptions> = {
  program: true,
  ctxSize: true,
  batchSize: true,
  ubatchSize: true,
  parallel: true,
  kvUnified: true,
  flashAttention: true,
  cacheTypeK: true,
  cacheTypeV: true,
  swaFull: true,
  outputs: true,
  embeddings: true,
  pooling: true,
  loadMtp: true,
  stateSnapshots: true,
};

/** The names of all options. */
export const MODEL_OPTIONS: OptionNames<ModelOptions> = {
  ...SIZE_OPTIONS,
  phase: true,
  contextType: true,
  target: true,
  targetOptions: true,
};

/** The options as llama.cpp applies them to one model. */
export interface ResolvedModelOptions {
  readonly program: Program;
  /** Tokens of context in all, after rounding. */
  readonly contextSize: number;
  /** Tokens of context per sequence, after rounding. */
  readonly sequenceContext: number;
  readonly batchSize: number;
  readonly ubatchSize: number;
  readonly sequences: number;
  readonly isUnified: boolean;
  readonly flashAttention: boolean;
  /** Whether cached values are transposed: where `flashAttention` is false from the start. */
  readonly hasTransposedValues: boolean;
  readonly keyType: ElementType;
  readonly valueType: ElementType;
  readonly hasFullWindow: boolean;
  /** Most tokens of a batch whose logits are wanted. */
  readonly maxOutputs: number;
  /** How the embeddings of a text's tokens become one; null: no embeddings are wanted. */
  readonly pooling: Pooling | null;
  /** Whether the layers that predict further tokens are loaded. */
  readonly loadsPredictLayers: boolean;
  readonly contextType: ContextType;
  /** Snapshots of its state that each sequence keeps; 0 for a model without. */
  readonly snapshots: number;
}

/** The tokens and sequences that one graph computes. */
export interface Batch {
  readonly tokens: number;
  readonly sequences: number;
  readonly outputs: number;
}

const MAX_SEQUENCES = 256;
/** Each snapshot adds nodes to most layers: llama.cpp has room for far fewer. */
export const MAX_SNAPSHOTS = 4096;
/** The context of a sequence is a multiple of this many tokens. */
export const CONTEXT_STEP = 256;

/** @throws PlannerError `BAD_ARGUMENT` */
export function resolveOptions(options: ModelOptions, hp: Hyperparameters): ResolvedModelOptions {
  checkOptions(options, MODEL_OPTIONS);
  const program = checkProgram(options.program ?? 'server');
  const { sequences, isUnified } = sequencesOf(program, options);
  const wantedContext = integerOption('ctxSize', options.ctxSize ?? 0, 0) || hp.contextLength;
  if (wantedContext === 0)
    throw badOption('ctxSize', 0, 'at least 1, as the file names no context that the model was trained on');
  const { isServing } = PROGRAMS[program];
  const wantedUbatch = integerOption('ubatchSize', options.ubatchSize ?? 512, 0);
  const wantedBatch = batchOption(options, isServing && options.embeddings === true ? wantedUbatch : Infinity);
  const batchSize = hp.isCausal ? Math.min(wantedContext, wantedBatch) : wantedBatch;
  const ubatchSize = Math.min(batchSize, wantedUbatch === 0 ? wantedBatch : wantedUbatch);
  if (ubatchSize === 0) throw badOption('batchSize', 0, 'at least 1');

  const padded = alignUp(wantedContext, CONTEXT_STEP);
  const sequenceContext = isUnified ? padded : alignUp(Math.floor(padded / sequences), CONTEXT_STEP);
  if (sequenceContext === 0) throw badOption('ctxSize', wantedContext, `at least ${sequences}, one token per sequence`);
  const servesTexts = options.embeddings === true || (options.pooling ?? 'none') !== 'none';
  const asked = isServing ? (servesTexts ? wantedBatch : Math.min(sequences, wantedBatch)) : 0;
  const limit = integerOption('outputs', options.outputs ?? asked, 0);
  const maxOutputs = hp.hasEncoder || limit === 0 ? batchSize : limit;
  if (maxOutputs < sequences) {
    const culprit = (options.outputs ?? 0) > 0 ? 'outputs' : 'batchSize';
    throw badOption(culprit, maxOutputs, `at least ${sequences}, one token per sequence`);
  }
  const wantedFlash = options.flashAttention ?? 'auto';
  const flashAttention = isOn(wantedFlash) && hp.attention.hasFlash ? wantedFlash : false;
  const contextType = checkContextType(options.contextType ?? 'default');
  const run: ResolvedModelOptions = {
    program,
    contextSize: isUnified ? padded : sequenceContext * sequences,
    sequenceContext,
    batchSize,
    ubatchSize,
    sequences,
    isUnified,
    flashAttention: isOn(flashAttention),
    hasTransposedValues: flashAttention === false,
    keyType: cacheType('cacheTypeK', options.cacheTypeK ?? 'f16'),
    valueType: cacheType('cacheTypeV', options.cacheTypeV ?? 'f16'),
    hasFullWindow: options.swaFull ?? false,
    maxOutputs,
    pooling: options.embeddings === true ? resolvePooling(options.pooling, hp.pooling) : null,
    loadsPredictLayers: (options.loadMtp ?? false) || contextType === 'mtp',
    contextType,
    snapshots: snapshotsOf(options, hp),
  };
  checkCacheTypes(run, hp);
  return run;
}

function snapshotsOf({ stateSnapshots = 0 }: ModelOptions, { hasSnapshots }: Hyperparameters): number {
  const wanted = integerOption('stateSnapshots', stateSnapshots, 0, MAX_SNAPSHOTS);
  return hasSnapshots ? wanted : 0;
}

function sequencesOf(
  program: Program,
  { parallel, kvUnified = false }: ModelOptions,
): Pick<ResolvedModelOptions, 'sequences' | 'isUnified'> {
  const defaults = PROGRAMS[program];
  const wanted = parallel ?? defaults.parallel;
  // A server that chooses the number of sequences shares the cache, even if `kvUnified` is false.
  if (wanted === AUTO_PARALLEL && defaults.isServing) return { sequences: AUTO_SEQUENCES, isUnified: true };
  return { sequences: integerOption('parallel', wanted, 1, MAX_SEQUENCES), isUnified: kvUnified };
}

/** The graph that llama.cpp reserves memory for in a phase. */
export function batchOf(phase: Phase, { contextSize, ubatchSize, sequences, maxOutputs }: ResolvedModelOptions): Batch {
  if (phase === 'tg') return { tokens: sequences, sequences, outputs: sequences };
  const wanted = Math.min(contextSize, ubatchSize);
  return { tokens: alignUp(wanted, sequences), sequences, outputs: Math.min(wanted, maxOutputs) };
}

/** Returns the option if it is `pp` or `tg`. @throws PlannerError `BAD_ARGUMENT` */
export function checkPhase(phase: string): Phase {
  if (phase === 'pp' || phase === 'tg') return phase;
  throw badOption('phase', phase, 'pp or tg');
}

function checkContextType(contextType: string): ContextType {
  if (contextType === 'default' || contextType === 'mtp') return contextType;
  throw badOption('contextType', contextType, 'default or mtp');
}

/** @param most what the program cuts the batch to */
function batchOption({ batchSize = 2048 }: ModelOptions, most: number): number {
  return Math.min(integerOption('batchSize', batchSize, 0), most);
}

function integerOption(name: string, value: number, min: number, max = 2 ** 32 - 1): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw badOption(name, value, `an integer from ${min} to ${max}`);
}

function isOn(value: FlashAttention): boolean {
  return checkFlashAttention(value) !== false;
}

/** Returns the option if it is true, false or `auto`. @throws PlannerError `BAD_ARGUMENT` */
export function checkFlashAttention(value: FlashAttention): FlashAttention {
  if (value === 'auto' || typeof value === 'boolean') return value;
  throw badOption('flashAttention', value, 'true, false or auto');
}

function badOption(culprit: string, value: unknown, limit: string): PlannerError {
  return wrongValue('BAD_ARGUMENT', { culprit, value, limit, remedy: 'Choose another value.' });
}

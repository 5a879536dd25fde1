/**
 * Flags of llama.cpp's programs that decide one of ours: drafts the outputs and snapshots of a server, the tests of
 * llama-bench the context, and the batch of llama-perplexity its sequences.
 *
 * Invariant: a flag of ours that was given is left alone; what is derived is said in a note.
 */
import { CliError } from './cli-error.js';
import { DRAFT_MTP, DRAFT_TOKENS, SNAPSHOT_TYPES } from './part-flags.js';

/** Arguments, and what was made of them. */
export interface Derived {
  readonly args: readonly string[];
  readonly notes: readonly string[];
}

const DRAFT_MODEL = ['-md', '--model-draft', '--spec-draft-model'];
const SPEC_TYPE = ['--spec-type'];
const DRAFT_LENGTH = ['--draft', '--draft-n', '--draft-max', '--spec-draft-n-max'];
const OUTPUTS = ['--outputs'];
const SNAPSHOTS = ['--state-snapshots'];
const SEQUENCES = ['-np', '--parallel'];
const BATCH = ['-b', '--batch-size'];

/** Sequences and batch that llama-server has by itself. */
const SERVER_SEQUENCES = 4;
const SERVER_BATCH = 2048;

/**
 * Adds what a server needs that checks the tokens of a draft: outputs, min(batch, sequences · (1 + drafts)), and as many
 * snapshots of states as the draft has tokens, for what drafts with them.
 *
 * @param readsTypes whether the command reads what drafts the tokens
 */
export function withDrafts(args: readonly string[], readsTypes = false): Derived {
  const types = valuesOf(args, SPEC_TYPE).flatMap((value) => value.split(','));
  const isDrafting = types.some((type) => type.startsWith('draft-'));
  const length = wholeOf(valueOf(args, DRAFT_LENGTH) ?? (isDrafting ? String(DRAFT_TOKENS) : undefined));
  const program = valueOf(args, ['--program']) ?? 'server';
  if (length === undefined || !['server', 'cli'].includes(program)) return { args, notes: [] };
  const hasDraft = valueOf(args, DRAFT_MODEL) !== undefined || types.includes(DRAFT_MTP);
  const outputs = hasDraft && valueOf(args, OUTPUTS) === undefined ? outputsOf(args, program, length) : null;
  const isKept = types.some((type) => SNAPSHOT_TYPES.includes(type));
  const snapshots = isKept && valueOf(args, SNAPSHOTS) === undefined ? length : null;
  const derived = [
    ...(outputs === null ? [] : [...OUTPUTS, String(outputs)]),
    ...(snapshots === null ? [] : [...SNAPSHOTS, String(snapshots)]),
  ];
  if (derived.length === 0) return { args, notes: [] };
  const note = `drafts of ${length} tokens are taken as ${derived.join(' ')}`;
  const rest = without(args, readsTypes ? [] : [...DRAFT_LENGTH, ...SPEC_TYPE]);
  return { args: [...rest, ...derived], notes: [note] };
}

/** Null for lists, as of a sweep. */
function outputsOf(args: readonly string[], program: string, length: number): number | null {
  const own = program === 'cli' ? 1 : SERVER_SEQUENCES;
  const asked = valueOf(args, SEQUENCES);
  const sequences = asked === undefined || asked === '-1' ? own : wholeOf(asked);
  const batch = wholeOf(valueOf(args, BATCH) ?? String(SERVER_BATCH));
  if (sequences === undefined || batch === undefined) return null;
  return Math.min(batch, sequences * (1 + length));
}

const RERANKING = ['--rerank', '--reranking'];

/** Writes a server that scores texts as one of embeddings. */
export function withReranking(args: readonly string[]): Derived {
  const name = args.find((arg) => RERANKING.includes(arg));
  if (name === undefined) return { args, notes: [] };
  const own = args.flatMap((arg) => (RERANKING.includes(arg) ? ['--embeddings', '--pooling', 'rank'] : [arg]));
  return { args: own, notes: [`${name} is taken as --embeddings --pooling rank`] };
}

const PROMPT = ['-p', '--n-prompt'];
const GENERATED = ['-n', '--n-gen'];
const DEPTH = ['-d', '--n-depth'];
const BOTH = ['-pg'];
const TESTS = [PROMPT, GENERATED, DEPTH, BOTH].flat();

/** What llama-bench tests by itself. */
const BENCH_PROMPT = '512';
const BENCH_GENERATED = '128';

/**
 * Gives llama-bench the context of its largest test: a test of prompts has `-p` tokens, one of generation `-n`, one of both
 * the two of `-pg`, each after `-d` tokens. The model rounds it as llama.cpp does.
 */
export function withBenchContext(args: readonly string[]): Derived {
  const isBench = valueOf(args, ['--program']) === 'bench';
  const given = args.filter((arg) => TESTS.includes(nameOf(arg)));
  if (!isBench || given.length === 0) return { args, notes: [] };
  const [prompt, generated, depth] = [
    largestOf(valueOf(args, PROMPT) ?? BENCH_PROMPT),
    largestOf(valueOf(args, GENERATED) ?? BENCH_GENERATED),
    largestOf(valueOf(args, DEPTH) ?? '0'),
  ];
  const both = (valueOf(args, BOTH) ?? '0').split(',').reduce((sum, part) => sum + (wholeOf(part) ?? NaN), 0);
  const context = Math.max(prompt, generated, both) + depth;
  const rest = without(args, TESTS);
  const names = [...new Set(given.map(nameOf))].join(', ');
  if (Number.isNaN(context)) return { args: rest, notes: [`${names} could not be read: give the context as -c`] };
  if (valueOf(rest, ['-c', '--ctx-size']) !== undefined) return { args: rest, notes: [] };
  return { args: [...rest, '-c', String(context)], notes: [`the largest test of ${names} is taken as -c ${context}`] };
}

const TARGET = ['-fitt', '--fit-target'];
const LEAST_CONTEXT = ['-fitc', '--fit-ctx'];
const LAYERS = ['-ngl', '--gpu-layers', '--n-gpu-layers', '-ts', '--tensor-split'];
const OVERRIDES = ['-ot', '--override-tensor', '-ncmoe', '--n-cpu-moe'];

/** llama-bench fits only if it is told a target or a context; then it forgets the layers that it was told. */
export function withBenchFit(args: readonly string[]): Derived {
  const [target = '0', context = '0'] = [valueOf(args, TARGET), valueOf(args, LEAST_CONTEXT)];
  if (wholeOf(target) === 0 && wholeOf(context) === 0)
    return { args: without(args, [...TARGET, ...LEAST_CONTEXT]), notes: [] };
  const chosen = [...LAYERS, ...OVERRIDES];
  const dropped = [...new Set(args.map(nameOf).filter((name) => chosen.includes(name)))].join(', ');
  const rest = without(args, [...chosen, ...TARGET, ...LEAST_CONTEXT]);
  const notes =
    dropped === '' ? [] : [`llama-bench chooses layers itself where it is told to fit, so it ignores ${dropped}`];
  return { args: [...rest, '--fit', 'on', '--fit-target', target], notes };
}

const CONTEXT = ['-c', '--ctx-size'];

/** What llama-perplexity has by itself. */
const PERPLEXITY_CONTEXT = '512';

/** Tasks of llama-perplexity other than perplexity, with the least sequences that they take. */
const TASKS: ReadonlyMap<string, number> = new Map([
  ['--hellaswag', 4],
  ['--winogrande', 4],
  ['--multiple-choice', 4],
  ['--kl-divergence', 1],
]);

/** llama-perplexity computes as many contexts at once as a batch holds; for other tasks, one context. */
export function withPerplexitySequences(args: readonly string[]): Derived {
  const context = wholeOf(valueOf(args, CONTEXT) ?? PERPLEXITY_CONTEXT);
  const batch = wholeOf(valueOf(args, BATCH) ?? String(SERVER_BATCH));
  const asked = wholeOf(valueOf(args, SEQUENCES) ?? '1');
  if (context === undefined || batch === undefined || asked === undefined) return { args, notes: [] };
  if (context === 0) throw new CliError('llama-perplexity refuses -c 0: give the tokens of a context');
  const task = args.map(nameOf).find((name) => TASKS.has(name));
  const least = task === undefined ? null : TASKS.get(task)!;
  const sequences =
    least === null ? Math.max(1, Math.floor(batch / context)) : least === 1 ? 1 : Math.max(least, asked);
  const tokens = least === null ? sequences * context : context;
  const derived = ['-c', String(tokens), '-b', String(Math.min(batch, tokens)), '-np', String(sequences)];
  const rest = without(args, [...CONTEXT, ...BATCH, ...SEQUENCES]).filter((arg) => !TASKS.has(nameOf(arg)));
  return { args: [...rest, ...derived], notes: [`llama-perplexity computes with ${derived.join(' ')}`] };
}

/** The largest of a list such as `512,1024`; NaN for what else llama-bench may read. */
function largestOf(text: string): number {
  return Math.max(...text.split(',').map((part) => wholeOf(part) ?? NaN));
}

function wholeOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function nameOf(arg: string): string {
  const [name] = arg.split('=', 1);
  return name.startsWith('--') ? name.replaceAll('_', '-') : name;
}

/** The last value that one of these flags is given; undefined without any. */
function valueOf(args: readonly string[], names: readonly string[]): string | undefined {
  return valuesOf(args, names).at(-1);
}

/** All values that these flags are given, in their order. */
function valuesOf(args: readonly string[], names: readonly string[]): readonly string[] {
  return args.flatMap((arg, index) => {
    if (!names.includes(nameOf(arg))) return [];
    const isJoined = arg.startsWith('--') && arg.includes('=');
    return isJoined ? [arg.slice(arg.indexOf('=') + 1)] : args.slice(index + 1, index + 2);
  });
}

/** The arguments without these flags and their values. */
function without(args: readonly string[], names: readonly string[]): string[] {
  const isJoined = (arg: string): boolean => arg.startsWith('--') && arg.includes('=');
  const isTaken = (arg: string | undefined): boolean => arg !== undefined && names.includes(nameOf(arg));
  return args.filter((arg, index) => {
    const before = args.at(index - 1);
    return !isTaken(arg) && !(index > 0 && isTaken(before) && !isJoined(before!));
  });
}

/**
 * Takes what belongs to llama.cpp's programs out of a command line, so that one that runs a model can be pasted as it is.
 *
 * Invariant: nothing is dropped without a note; what is left is what commander reads.
 */
import { CliError } from './cli-error.js';
import { withBenchContext, withDrafts, withReranking } from './derived-arguments.js';
import { LLAMA_PROGRAM_NAMES, llamaProgram, type LlamaProgram } from './llama-programs.js';
import { SERVER_FLAGS, type ServerFlags } from './server-flags.js';

/** A command line without flags of llama.cpp that are none of ours. */
export interface OwnArguments {
  readonly args: readonly string[];
  /** What was taken out, and what it would have changed: one sentence a line. */
  readonly notes: readonly string[];
}

const FLAGS: ReadonlyMap<string, ServerFlags> = new Map(
  SERVER_FLAGS.flatMap((row) =>
    row.names
      .split(/\s+/)
      .filter(Boolean)
      .map((name) => [name, row] as const),
  ),
);

/** llama.cpp's flags for its file, which is an operand here, be it a URL. */
const MODEL_FILE = ['-m', '--model', '-mu', '--model-url'];

/** Flags that took no value in earlier releases of llama.cpp, and then meant on. */
const ONCE_SWITCHES = ['-fa', '--flash-attn'];

/** The flags of a command: how many values follow each. */
export type OwnFlags = ReadonlyMap<string, number>;

/**
 * What follows `--` stays, unless it has a program of llama.cpp: then it is a command line of that program, and what
 * stands before `--` adds to it.
 *
 * @throws CliError for a command line of another program
 */
export function ownArguments(args: readonly string[], own: OwnFlags = new Map()): OwnArguments {
  const end = args.indexOf('--');
  if (end === -1) return plainArguments(args, own);
  const [given, line] = [args.slice(0, end), args.slice(end + 1)];
  const plain = plainArguments(given, own);
  const start = line.findIndex((word) => llamaProgram(word) !== null);
  const program = llamaProgram(line[start]);
  if (program === null) {
    checkNoCommand(line);
    return { args: [...plain.args, '--', ...line], notes: plain.notes };
  }
  const [command, ...before] = plain.args;
  const pasted = pastedArguments(program, line.slice(start + 1), own);
  const notes = [...wrapperNotes(line.slice(0, start), program.name), ...pasted.notes, ...plain.notes];
  return { args: [command, ...pasted.args, ...before], notes };
}

/** Words such as `sudo` or `CUDA_VISIBLE_DEVICES=0` that stand before a program when a shell reads the line. */
function wrapperNotes(words: readonly string[], name: string): string[] {
  if (words.length === 0) return [];
  return [`${words.join(' ')} before ${name} ${words.length > 1 ? 'are' : 'is'} left out`];
}

/** @throws CliError if a command line that nobody here can read would be taken for a list of files */
function checkNoCommand(line: readonly string[]): void {
  if (!line.some((word) => MODEL_FILE.includes(nameOf(word)[0]))) return;
  const names = LLAMA_PROGRAM_NAMES.join(', ');
  throw new CliError(`the command line behind -- has no program of llama.cpp: begin it with one of ${names}`);
}

function plainArguments(args: readonly string[], own: OwnFlags): OwnArguments {
  const program = withoutProgram(args, own);
  const switches = withValues(program.args);
  const drafts = withDrafts(switches.args, own.has('--spec-type'));
  const bench = withBenchContext(drafts.args);
  const reranking = withReranking(bench.args);
  const flags = withoutServerFlags(reranking.args, own, false);
  const notes = [program, switches, drafts, bench, reranking, flags].flatMap((part) => part.notes);
  return { args: flags.args, notes };
}

/** The command line of a program, every word of which is honoured or named. */
function pastedArguments(program: LlamaProgram, args: readonly string[], own: OwnFlags): OwnArguments {
  const { translate, derive, defaults = [] } = program;
  const plain = translate?.(args) ?? { args, ignored: [] };
  const ours = ['--program', program.program, ...fittingOf(program, own), ...defaults, ...plain.args];
  const switches = withValues(ours);
  const derived = derive?.(switches.args) ?? { args: switches.args, notes: [] };
  const drafts = withDrafts(derived.args, own.has('--spec-type'));
  const bench = withBenchContext(drafts.args);
  const reranking = withReranking(bench.args);
  const flags = withoutServerFlags(reranking.args, own, true, plain.ignored);
  const notes = [switches, derived, drafts, bench, reranking, flags].flatMap((part) => part.notes);
  return { args: flags.args, notes };
}

/** llama.cpp's programs fit a model by themselves; of our commands, those do that have the flag. */
function fittingOf({ fits = false }: LlamaProgram, own: OwnFlags): readonly string[] {
  return fits && own.has('--fit') ? ['--fit', 'on'] : [];
}

/** Drops the name of a program that stands after that of the command, and says by `--program` which it was. */
function withoutProgram(args: readonly string[], own: OwnFlags): OwnArguments {
  const [command, word, ...rest] = args;
  const found = llamaProgram(word);
  if (found === null) return { args, notes: [] };
  const { name, program } = found;
  const fitting = fittingOf(found, own);
  const isChosen = rest.some((arg) => nameOf(arg)[0] === '--program');
  if (program === 'server' || isChosen) return { args: [command, ...fitting, ...rest], notes: [] };
  return {
    args: [command, '--program', program, ...fitting, ...rest],
    notes: [`${name} is taken as --program ${program}`],
  };
}

/** Gives a value to flags that took none once, where none follows. */
function withValues(args: readonly string[]): OwnArguments {
  const notes: string[] = [];
  const own = args.flatMap((arg, index) => {
    const [name, hasValue] = nameOf(arg);
    const next = args.at(index + 1);
    const isBare = next === undefined || isFlag(next);
    if (!ONCE_SWITCHES.includes(name) || hasValue || !isBare) return [arg];
    notes.push(`${name} without a value is taken as ${name} on, as llama.cpp once did`);
    return [name, 'on'];
  });
  return { args: own, notes };
}

/** @param isPasted whether every word must be known: what is not is taken out, and named */
function withoutServerFlags(
  args: readonly string[],
  ours: OwnFlags,
  isPasted: boolean,
  ignored: readonly string[] = [],
): OwnArguments {
  const [own, unknown]: [string[], string[]] = [[], []];
  const taken = new Map<ServerFlags, string[]>();
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [name, hasValue] = nameOf(arg);
    const arity = ours.get(name);
    const row = FLAGS.get(name);
    if (MODEL_FILE.includes(name)) {
      own.push(...(hasValue ? [arg.slice(arg.indexOf('=') + 1)] : rest.splice(0, 1)));
    } else if (arity !== undefined) {
      own.push(name + arg.slice(name.length), ...rest.splice(0, hasValue ? 0 : arity));
    } else if (row !== undefined) {
      taken.set(row, [...(taken.get(row) ?? []), name]);
      rest.splice(0, hasValue ? 0 : row.optional?.includes(rest[0]) === true ? 1 : row.arity);
    } else if (isPasted) {
      unknown.push(name);
      while (rest.length > 0 && !isFlag(rest[0])) rest.shift();
    } else {
      own.push(name + arg.slice(name.length));
    }
  }
  const notes = notesOf(taken, ignored);
  if (unknown.length > 0) notes.push(`${listOf(unknown)} ${areOrIs(unknown)} not known here, and left out`);
  return { args: own, notes };
}

function isFlag(arg: string): boolean {
  return /^-(?!\d)/.test(arg);
}

/** The flag's name, written as llama.cpp also reads it, with `_` for `-`; and whether a value is joined to it by `=`. */
function nameOf(arg: string): [name: string, hasValue: boolean] {
  const [, name = arg, equals = ''] = /^(--[^=]+)(=?)/.exec(arg) ?? [];
  return [name.startsWith('--') ? name.replaceAll('_', '-') : name, equals === '='];
}

function notesOf(taken: ReadonlyMap<ServerFlags, readonly string[]>, useless: readonly string[]): string[] {
  const ignored = [...useless];
  const notes: string[] = [];
  for (const [{ about }, names] of taken) {
    if (about === undefined) ignored.push(...names);
    else notes.push(`${listOf(names)} ${areOrIs(names)} not modelled (${about})`);
  }
  if (ignored.length > 0)
    notes.unshift(`${listOf(ignored)} ${ignored.length > 1 ? 'make' : 'makes'} no difference here`);
  return notes;
}

function listOf(names: readonly string[]): string {
  return [...new Set(names)].join(', ');
}

function areOrIs(names: readonly string[]): string {
  return new Set(names).size > 1 ? 'are' : 'is';
}

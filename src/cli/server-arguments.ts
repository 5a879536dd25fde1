/**
 * Takes what belongs to llama-server or llama-cli out of a command line, so that one that runs a model can be pasted as it is.
 *
 * Invariant: nothing is dropped without a note; what is left is what commander reads.
 */
import type { Program } from '../models/programs.js';
import { withBenchContext, withDrafts } from './derived-arguments.js';
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

/** llama.cpp's flag for its file, which is an operand here. */
const MODEL_FILE = ['-m', '--model'];

/** What each program of llama.cpp is called by `--program`; the server is the default. */
const PROGRAM_OF: Readonly<Record<string, Program | undefined>> = {
  'llama-server': undefined,
  'llama-cli': 'cli',
  'llama-completion': 'cli',
  'llama-bench': 'bench',
};

/** Flags that took no value in earlier releases of llama.cpp, and then meant on. */
const ONCE_SWITCHES = ['-fa', '--flash-attn'];

/** What follows `--` stays. @param own names of flags of the command itself */
export function ownArguments(args: readonly string[], own: ReadonlySet<string> = new Set()): OwnArguments {
  const end = args.indexOf('--');
  const [given, operands] = end === -1 ? [args, []] : [args.slice(0, end), args.slice(end)];
  const program = withoutProgram(given);
  const switches = withValues(program.args);
  const drafts = withDrafts(switches.args);
  const bench = withBenchContext(drafts.args);
  const flags = withoutServerFlags(bench.args, own);
  const notes = [program, switches, drafts, bench, flags].flatMap((part) => part.notes);
  return { args: [...flags.args, ...operands], notes };
}

/** Drops the name of a program that stands after that of the command, and says by `--program` which it was. */
function withoutProgram(args: readonly string[]): OwnArguments {
  const [command, path, ...rest] = args;
  const name = (path ?? '').replace(/^.*[/\\]/, '').replace(/\.exe$/i, '');
  if (!Object.hasOwn(PROGRAM_OF, name)) return { args, notes: [] };
  const program = PROGRAM_OF[name];
  const isChosen = rest.some((arg) => nameOf(arg)[0] === '--program');
  if (program === undefined || isChosen) return { args: [command, ...rest], notes: [] };
  return { args: [command, '--program', program, ...rest], notes: [`${name} is taken as --program ${program}`] };
}

/** Gives a value to flags that took none once, where none follows. */
function withValues(args: readonly string[]): OwnArguments {
  const notes: string[] = [];
  const own = args.flatMap((arg, index) => {
    const [name, hasValue] = nameOf(arg);
    const next = args.at(index + 1);
    const isBare = next === undefined || /^-(?!\d)/.test(next);
    if (!ONCE_SWITCHES.includes(name) || hasValue || !isBare) return [arg];
    notes.push(`${name} without a value is taken as ${name} on, as llama.cpp once did`);
    return [name, 'on'];
  });
  return { args: own, notes };
}

function withoutServerFlags(args: readonly string[], ours: ReadonlySet<string>): OwnArguments {
  const own: string[] = [];
  const taken = new Map<ServerFlags, string[]>();
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [name, hasValue] = nameOf(arg);
    const row = ours.has(name) ? undefined : FLAGS.get(name);
    if (MODEL_FILE.includes(name)) {
      if (hasValue) own.push(arg.slice(arg.indexOf('=') + 1));
    } else if (row === undefined) {
      own.push(name + arg.slice(name.length));
    } else {
      taken.set(row, [...(taken.get(row) ?? []), name]);
      const arity = row.optional?.includes(rest[0]) === true ? 1 : row.arity;
      rest.splice(0, hasValue ? 0 : arity);
    }
  }
  return { args: own, notes: notesOf(taken) };
}

/** The flag's name, written as llama.cpp also reads it, with `_` for `-`; and whether a value is joined to it by `=`. */
function nameOf(arg: string): [name: string, hasValue: boolean] {
  const [, name = arg, equals = ''] = /^(--[^=]+)(=?)/.exec(arg) ?? [];
  return [name.startsWith('--') ? name.replaceAll('_', '-') : name, equals === '='];
}

function notesOf(taken: ReadonlyMap<ServerFlags, readonly string[]>): string[] {
  const ignored: string[] = [];
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

/**
 * Takes what belongs to llama-server out of a command line, so that one that runs a model can be pasted as it is.
 *
 * Invariant: nothing is dropped without a note; what is left is what commander reads.
 */
import { SERVER_FLAGS, type ServerFlags } from './server-flags.js';

/** A command line without flags of llama-server. */
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

/** What follows `--` stays. */
export function ownArguments(args: readonly string[]): OwnArguments {
  const own: string[] = [];
  const taken = new Map<ServerFlags, string[]>();
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--') return { args: [...own, arg, ...rest], notes: notesOf(taken) };
    const [name, hasValue] = nameOf(arg);
    const row = FLAGS.get(name);
    if (MODEL_FILE.includes(name)) {
      if (hasValue) own.push(arg.slice(arg.indexOf('=') + 1));
    } else if (row === undefined) {
      own.push(arg);
    } else {
      taken.set(row, [...(taken.get(row) ?? []), name]);
      rest.splice(0, hasValue ? 0 : row.arity);
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

/**
 * One run of the command: arguments in, exit code out. Nothing is thrown.
 */
import { CommanderError } from 'commander';
import { EXIT, type ExitCode } from './cli-error.js';
import { exitCodeOf, printFailure } from './failure.js';
import { expandShortNames } from './flag-names.js';
import { createProgram, flagsOf } from './program.js';
import { ownArguments } from './server-arguments.js';
import { printNote, type Terminal } from './terminal.js';

/** @param args what follows the command's name */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  try {
    const program = createProgram(terminal, (code) => (exitCode = code));
    const { args: own, notes } = ownArguments(args, flagsOf(args[0] ?? ''));
    for (const note of notes) printNote(terminal, note);
    await program.parseAsync(expandShortNames(own), { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has printed already; its code is 0 for help and version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.misuse;
    printFailure(terminal, error);
    return exitCodeOf(error);
  }
}

/**
 * Whatever goes wrong, in one line: the file, what is wrong with it, and what to do.
 */
import { basename } from 'node:path';
import { inspect } from 'node:util';
import { named, PlannerError } from '../errors.js';
import { printable } from '../report/table.js';
import { CliError, EXIT, systemError, type ExitCode } from './cli-error.js';
import { flagOf } from './flag-names.js';
import { printError, type Terminal } from './terminal.js';

/** What the command exits with after a failure. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  const code = error instanceof PlannerError ? error.code : null;
  if (code === 'UNKNOWN_ARCHITECTURE') return EXIT.unknown;
  return code === 'OVERSIZE' ? EXIT.no : EXIT.misuse;
}

/** Runs work on a file, so that whatever goes wrong names it. @throws CliError */
export async function inFile<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const text = describeFailure(error);
    // The reader of GGUF files names the file itself.
    const name = named(basename(file));
    const message = text.startsWith(name) ? file + text.slice(name.length) : `${file}: ${text}`;
    throw new CliError(message, { cause: error }, exitCodeOf(error));
  }
}

/** Prints a failure as one line; where it came from, too, if `DEBUG` is set. */
export function printFailure(terminal: Terminal, error: unknown): void {
  printError(terminal, describeFailure(error));
  if (process.env.DEBUG) terminal.writeError(`${inspect(error)}\n`);
}

/** The message for standard error, without a newline. */
function describeFailure(error: unknown): string {
  if (error instanceof CliError) return printable(error.message);
  if (error instanceof PlannerError) return printable(withFlags(error.message));
  const system = systemError(error);
  if (system !== undefined) return system;
  const message = error instanceof Error ? error.message : String(error);
  return printable(`unexpected: ${message} (set DEBUG=1 to see where)`);
}

/** The text with options of the library, in backticks or called so, under the names of their flags. */
export function withFlags(text: string): string {
  return asFlags(text).replace(/`(\w+)`|(?<=\boption )(\w+)/g, (found, quoted?: string, called?: string) => {
    return flagOf(quoted ?? called!) ?? found;
  });
}

/** What a message proposes as an option that decides shapes, as its flag. */
function asFlags(text: string): string {
  return text.replace(
    /\b(dims|inputs|bounds): \{ "([^"]*)": \[?([\d, ]*)\]? \}/g,
    (found, key: string, name: string, value: string) => {
      const flag = flagOf(key);
      return flag === undefined ? found : `${flag} ${name}=${value.replaceAll(' ', '')}`;
    },
  );
}

/**
 * Where the command prints: the only thing that commands know of the outside, so that tests can run them in-process.
 */
import { createColors } from 'picocolors';
import type { Style } from '../report/style.js';

export interface Terminal {
  /** Prints on standard output. */
  readonly write: (text: string) => void;
  /** Prints on standard error. */
  readonly writeError: (text: string) => void;
  /** How standard output may be decorated. */
  readonly style: Style;
  /** How standard error may be decorated. */
  readonly errorStyle: Style;
  /** Width of standard output, characters; `null` if it is no terminal. */
  readonly columns: number | null;
  /** Whether somebody is watching standard error, and a progress bar makes sense. */
  readonly isWatched: boolean;
  /** Does something that Ctrl-C ends early but not without a result; a second Ctrl-C ends the process. */
  readonly untilInterrupted: <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<T>;
}

/** The terminal of this process. A reader that stops reading, like `head`, is no error. */
export function processTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  return {
    write: (text) => process.stdout.write(text),
    writeError: (text) => process.stderr.write(text),
    style: styleOf(process.stdout),
    errorStyle: styleOf(process.stderr),
    columns: process.stdout.isTTY ? process.stdout.columns : null,
    isWatched: process.stderr.isTTY,
    untilInterrupted: async (work) => {
      const controller = new AbortController();
      const interrupt = (): void => controller.abort();
      process.once('SIGINT', interrupt);
      try {
        return await work(controller.signal);
      } finally {
        process.removeListener('SIGINT', interrupt);
      }
    },
  };
}

/** Colours on a terminal that has them, unless `NO_COLOR` is set; Node looks at both. A pipe's `isTTY` is `undefined`. */
function styleOf(stream: NodeJS.WriteStream): Style {
  const isColorful = Boolean(stream.isTTY) && stream.hasColors();
  const { bold, dim, green, red } = createColors(isColorful);
  return { strong: bold, faint: dim, good: green, bad: red };
}

/** Prints one line that says what went wrong. */
export function printError({ writeError, errorStyle }: Terminal, text: string): void {
  writeError(`${errorStyle.bad('error:')} ${text}\n`);
}

/** Prints one line on what the user may not expect. */
export function printNote({ writeError, errorStyle }: Terminal, text: string): void {
  writeError(`${errorStyle.faint('note:')} ${text}\n`);
}

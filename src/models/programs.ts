/**
 * The defaults with which llama.cpp's programs make a context.
 *
 * Invariant: sequences and outputs are those of build 10573: `llama_server` for server and cli, which runs a server of
 * its own; `llama_context_default_params` for bench and library. A graph with logits for a few tokens needs far less
 * memory than one with logits for all.
 */
import { PlannerError } from '../errors.js';

/**
 * The program that runs the model: llama-server, llama-cli, llama-bench, or a program that uses the library as it is.
 */
export type Program = 'server' | 'cli' | 'bench' | 'library';

/** The defaults of one program. */
export interface ProgramDefaults {
  /** The program's name in a sentence, as llama.cpp writes it. */
  readonly title: string;
  /** The option `parallel`; -1: the server chooses. */
  readonly parallel: number;
  /** Whether the program wants logits of one token per sequence, not of every token of a batch. */
  readonly isServing: boolean;
}

/** The defaults of all programs. */
export const PROGRAMS: Readonly<Record<Program, ProgramDefaults>> = {
  server: { title: 'llama-server', parallel: -1, isServing: true },
  cli: { title: 'llama-cli', parallel: 1, isServing: true },
  bench: { title: 'llama-bench', parallel: 1, isServing: false },
  library: { title: 'llama.cpp’s library', parallel: 1, isServing: false },
};

/** The value of `parallel` that lets a server choose: it takes {@link AUTO_SEQUENCES}, with one cache for all. */
export const AUTO_PARALLEL = -1;
export const AUTO_SEQUENCES = 4;

/** Returns the option if it names a program. @throws PlannerError `BAD_ARGUMENT` */
export function checkProgram(program: string): Program {
  if (Object.hasOwn(PROGRAMS, program)) return program as Program;
  const names = Object.keys(PROGRAMS).join(', ');
  throw new PlannerError('BAD_ARGUMENT', {
    message: `The option program is ${JSON.stringify(program)}, but must be one of ${names}.`,
    culprit: 'program',
    value: program,
    limit: `one of ${names}`,
    remedy: 'Name the program that is to run the model.',
  });
}

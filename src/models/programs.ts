/**
 * What llama.cpp's programs ask of a context where their user says nothing.
 *
 * Invariant: sequences and outputs are those of build 10573: `llama_server` for server and cli, which runs a server of
 * its own; `llama_context_default_params` for bench and library. A graph with logits for a few tokens needs far less
 * memory than one with logits for all.
 */
import { PlannerError } from '../errors.js';

/** What the model is run by: llama-server, llama-cli, llama-bench, or a program that uses the library as it is. */
export type Program = 'server' | 'cli' | 'bench' | 'library';

/** What a program asks of a context. */
export interface ProgramDefaults {
  /** As llama.cpp names it, in a sentence. */
  readonly title: string;
  /** The option `parallel`; -1: the server chooses. */
  readonly parallel: number;
  /** Whether logits are wanted of one token per sequence, not of every token of a batch. */
  readonly isServing: boolean;
}

/** All programs, and what each asks of a context where its user says nothing. */
export const PROGRAMS: Readonly<Record<Program, ProgramDefaults>> = {
  server: { title: 'llama-server', parallel: -1, isServing: true },
  cli: { title: 'llama-cli', parallel: 1, isServing: true },
  bench: { title: 'llama-bench', parallel: 1, isServing: false },
  library: { title: 'llama.cpp’s library', parallel: 1, isServing: false },
};

/** The number of sequences by which a server is told to choose: {@link AUTO_SEQUENCES} with one cache for all. */
export const AUTO_PARALLEL = -1;
export const AUTO_SEQUENCES = 4;

/** Returns the option if it names a program. @throws PlannerError `BAD_ARGUMENT` */
export function checkProgram(program: string): Program {
  if (Object.hasOwn(PROGRAMS, program)) return program as Program;
  const names = Object.keys(PROGRAMS).join(', ');
  throw new PlannerError('BAD_ARGUMENT', {
    message: `The option program is ${JSON.stringify(program)}, which is none of ${names}.`,
    culprit: 'program',
    value: program,
    limit: `one of ${names}`,
    remedy: 'Name the program that is to run the model.',
  });
}

/**
 * The programs of llama.cpp whose command lines can be pasted, by their names.
 */
import type { Program } from '../models/programs.js';
import { fromBench, type Translated } from './bench-flags.js';
import { withBenchFit, withPerplexitySequences, type Derived } from './derived-arguments.js';

/** What is special about the command line of a program. */
export interface LlamaProgram {
  /** What `--program` calls it. */
  readonly program: Program;
  /** Whether it changes by itself, unless told not to, what is not given so that the model fits. */
  readonly fits?: boolean;
  /** Flags that it has by default and that the others have not. */
  readonly defaults?: readonly string[];
  /** Its flags as the other programs write them. */
  readonly translate?: (args: readonly string[]) => Translated;
  /** What it makes of its flags before it uses them. */
  readonly derive?: (args: readonly string[]) => Derived;
}

const LLAMA_PROGRAMS: Readonly<Record<string, LlamaProgram>> = {
  'llama-server': { program: 'server', fits: true },
  'llama-cli': { program: 'cli', fits: true },
  'llama-completion': { program: 'library', fits: true },
  'llama-bench': { program: 'bench', defaults: ['--n-prompt', '512'], translate: fromBench, derive: withBenchFit },
  'llama-perplexity': { program: 'library', fits: true, derive: withPerplexitySequences },
};

/** The names of all programs. */
export const LLAMA_PROGRAM_NAMES: readonly string[] = Object.keys(LLAMA_PROGRAMS);

/** The program that a word of the command line names, with or without a path; null if it names none. */
export function llamaProgram(word = ''): (LlamaProgram & { readonly name: string }) | null {
  const name = word.replace(/^.*[/\\]/, '').replace(/\.exe$/i, '');
  return Object.hasOwn(LLAMA_PROGRAMS, name) ? { name, ...LLAMA_PROGRAMS[name] } : null;
}

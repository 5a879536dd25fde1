/**
 * The programs of llama.cpp whose command lines can be pasted, by their names.
 */
import type { Program } from '../models/programs.js';
import { fromBench, type Translated } from './bench-flags.js';
import { withPerplexitySequences, type Derived } from './derived-arguments.js';

/** What is special about the command line of a program. */
export interface LlamaProgram {
  /** What `--program` calls it. */
  readonly program: Program;
  /** Flags that it has by default and that the others have not. */
  readonly defaults?: readonly string[];
  /** Its flags as the other programs write them. */
  readonly translate?: (args: readonly string[]) => Translated;
  /** What it makes of its flags before it uses them. */
  readonly derive?: (args: readonly string[]) => Derived;
}

const LLAMA_PROGRAMS: Readonly<Record<string, LlamaProgram>> = {
  'llama-server': { program: 'server' },
  'llama-cli': { program: 'cli' },
  'llama-completion': { program: 'library' },
  'llama-bench': { program: 'bench', defaults: ['--n-prompt', '512'], translate: fromBench },
  'llama-perplexity': { program: 'library', derive: withPerplexitySequences },
};

/** The names of all programs. */
export const LLAMA_PROGRAM_NAMES: readonly string[] = Object.keys(LLAMA_PROGRAMS);

/** The program that a word of the command line names, with or without a path; null if it names none. */
export function llamaProgram(word = ''): (LlamaProgram & { readonly name: string }) | null {
  const name = word.replace(/^.*[/\\]/, '').replace(/\.exe$/i, '');
  return Object.hasOwn(LLAMA_PROGRAMS, name) ? { name, ...LLAMA_PROGRAMS[name] } : null;
}

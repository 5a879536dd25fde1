/**
 * What a flag of the command is.
 */
import type { InputKind } from './input-kinds.js';

/** One flag. Without `value` it is a switch, and `parse` reads an empty text. */
export interface Flag {
  /** Name of the library's option. */
  readonly key: string;
  /** Such as `-c` or `-ub`. */
  readonly short?: string;
  readonly long: string;
  /** Other names that llama.cpp has for it. */
  readonly aliases?: readonly string[];
  /** What stands for the value in the help. */
  readonly value?: string;
  /** How the value is read; rejects with `InvalidArgumentError`. */
  readonly parse?: (text: string) => unknown;
  /** Whether several flags of one key add to one list, which `parse` yields. Default: the last one holds. */
  readonly isList?: boolean;
  readonly help: string;
  /** The heading that it stands under in the help. */
  readonly group: string;
  /** Whether the command makes no sense without it. Default false. */
  readonly isRequired?: boolean;
  /** The kinds of file for which it makes a difference; default: all. */
  readonly kinds?: readonly InputKind[];
  /** The endings of the files of these kinds for which it makes a difference; default: all. */
  readonly endings?: readonly string[];
}

/** All names of a flag, in the order in which they are looked for. */
export function namesOf({ short, long, aliases = [] }: Flag): readonly string[] {
  return [...(short === undefined ? [] : [short]), long, ...aliases];
}

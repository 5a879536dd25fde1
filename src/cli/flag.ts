/**
 * What a flag of the command is.
 */
import type { InputKind } from './input-kinds.js';

/** One flag. Without `value` it is a switch. */
export interface Flag {
  /** Name of the library's option. */
  readonly key: string;
  /** Such as `-c` or `-ub`. */
  readonly short?: string;
  readonly long: string;
  /** What stands for the value in the help. */
  readonly value?: string;
  /** How the value is read; rejects with `InvalidArgumentError`. */
  readonly parse?: (text: string) => unknown;
  readonly help: string;
  /** The heading that it stands under in the help. */
  readonly group: string;
  /** Whether the command makes no sense without it. Default false. */
  readonly isRequired?: boolean;
  /** The kinds of file for which it makes a difference; default: all. */
  readonly kinds?: readonly InputKind[];
}

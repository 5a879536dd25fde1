/**
 * How a command ends: its exit codes, and the errors that it finds itself.
 */

/** What the command's exit code says: the one list of them, which help and docs repeat. */
export const EXIT = {
  /** Done, and the answer is yes. */
  done: 0,
  /** The answer is no: the plan is wrong, or it does not fit a limit that was asked for. */
  no: 1,
  /** Misuse, or input that cannot be used. */
  misuse: 2,
  /** The architecture of a model is unknown: of its memory only the weights can be told. */
  unknown: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The later ones say more about what a user has to do. */
const BY_WEIGHT: readonly ExitCode[] = [EXIT.done, EXIT.no, EXIT.unknown, EXIT.misuse];

/** The one code for several results. */
export function weightiest(codes: readonly ExitCode[]): ExitCode {
  return BY_WEIGHT.findLast((code) => codes.includes(code)) ?? EXIT.done;
}

/** Misuse or bad input that the command itself finds. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    message: string,
    options?: ErrorOptions,
    /** What the command exits with. */
    readonly exitCode: ExitCode = EXIT.misuse,
  ) {
    super(message, options);
  }
}

export const IS_DIRECTORY = 'is a directory, but must be a file';

/** What a failed call of the operating system means to a user. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EMFILE: 'too many files are open',
  EEXIST: 'is there already',
  ENAMETOOLONG: 'the name is too long',
  EISDIR: IS_DIRECTORY,
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'no space left on the device',
  ENOTDIR: 'a part of the path is not a directory',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
};

/** The reason of a failed system call; `undefined` for any other error. */
export function systemError(error: unknown): string | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string' || typeof syscall !== 'string') return undefined;
  return Object.hasOwn(SYSTEM_ERRORS, code) ? SYSTEM_ERRORS[code] : 'the system refuses it';
}

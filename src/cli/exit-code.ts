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

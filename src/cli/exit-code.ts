/** What the command's exit code says. */
export const EXIT = {
  /** Done, and the answer is yes. */
  done: 0,
  /** The answer is no: the plan is wrong, or it does not fit. */
  no: 1,
  /** Misuse, or input that cannot be used. */
  misuse: 2,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/**
 * The violations that a schedule can have.
 *
 * Invariant: a message says in one line what the other fields say, with the names of the tensors.
 */

/** One way in which the graph that runs is not the graph that was spread. */
export interface ScheduleViolation {
  /**
   * - `bad-schedule`: lists of the schedule do not fit its graph, so that nothing else was checked.
   * - `missing`, `duplicate`: nothing stands for a tensor of the graph that was spread, or two tensors do.
   * - `unknown-tensor`: a tensor stands for nothing, and is neither a copy nor keeps what is copied.
   * - `wrong-tensor`: a tensor differs from what it stands for: in operation, layout, place in its storage or marks.
   * - `wrong-copy`: a copy is of another tensor or layout than it says, or on another device.
   * - `unsupported`: a device does not compute the node that it is given.
   * - `unreadable`: a device does not reach the memory that an operand, or its result, lies in.
   * - `wrong-operand`: a node reads something that is neither the original nor a copy of it on its device.
   * - `not-made`: a node reads, or copies, what has not been computed or copied yet.
   * - `stale-copy`: a copy does not hold what the original holds when the graph that was spread reads it.
   * - `stale-operand`: an original does not hold that.
   * - `wrong-result`: at the end, a result or a storage outside the plan holds something else.
   */
  readonly kind:
    | 'bad-schedule'
    | 'missing'
    | 'duplicate'
    | 'unknown-tensor'
    | 'wrong-tensor'
    | 'wrong-copy'
    | 'unsupported'
    | 'unreadable'
    | 'wrong-operand'
    | 'not-made'
    | 'stale-copy'
    | 'stale-operand'
    | 'wrong-result';
  /** Ids of the tensors concerned in the graph that runs; for `missing`, in the graph that was spread. */
  readonly ids: readonly number[];
  /** The step of the graph that runs; null where the rule has nothing to do with time. */
  readonly step: number | null;
  /** One line naming the tensors. */
  readonly message: string;
}

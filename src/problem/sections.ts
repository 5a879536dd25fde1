/**
 * Groups steps into sections: a section ends where something ends, if something has started in the section.
 *
 *     step     0 1 2 3 4 5          Each section has a step at which all its stretches meet: here 0, 3 and 5, with
 *              A A A A . .          {A, B}, {A, C, D} and {E}. At any other step of a section some of these stretches
 *              B . C C . .          are live, and no others. So one look at each section replaces a look at each step.
 *              . . D D E E
 *     section  0 1 1 1 2 2
 *
 * Invariant: two stretches of time share a section exactly if they share a step.
 */
export interface Sections {
  readonly count: number;
  /**
   * Per step, 0 to `stepCount`: how many sections are complete before it. So the steps `[start, end)` are the sections
   * `[at[start], at[end])`.
   */
  readonly at: Int32Array;
}

/**
 * Numbers the sections; `starts` and `ends` are columns of steps at which something starts or ends. O(steps + columns).
 */
export function numberSections(
  stepCount: number,
  starts: readonly Int32Array[],
  ends: readonly Int32Array[],
): Sections {
  const startsHere = marks(stepCount, starts);
  const endsHere = marks(stepCount, ends);
  const at = new Int32Array(stepCount + 1);
  let count = 0;
  for (let step = 0, isOpen = false; step <= stepCount; step++) {
    if (endsHere[step] === 1 && isOpen) {
      count++;
      isOpen = false;
    }
    at[step] = count;
    if (startsHere[step] === 1) isOpen = true;
  }
  return { count, at };
}

function marks(stepCount: number, columns: readonly Int32Array[]): Uint8Array {
  const isMarked = new Uint8Array(stepCount + 1);
  for (const steps of columns) for (let i = 0; i < steps.length; i++) isMarked[steps[i]] = 1;
  return isMarked;
}

/**
 * Steps as sections: consecutive steps are one section unless something ends, and then something starts, between them.
 *
 *     step     0 1 2 3 4 5          Only steps at which something has just begun and something is about to end need
 *              A A A A . .          a look: what is live at any other step is a subset of what is live at one of
 *              B . C C C .          these. Here they are steps 0, 3 and 5, with what is live then:
 *              . . D D E E
 *     section  0   1    2           {A, B}, {A, C, D}, {E}
 *
 * Invariant: two stretches of time share a section just when they share a step. Every section has one step at which all of
 * its stretches are live: after its last start, before its first end.
 */
export interface Sections {
  readonly count: number;
  /**
   * Per step, 0 to `stepCount`: how many sections are complete before it. So a stretch of steps `[start, end)` is the stretch of
   * sections `[at[start], at[end])`.
   */
  readonly at: Int32Array;
}

/** Numbers the sections between the steps at which something starts and those at which something ends. O(steps + columns). */
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

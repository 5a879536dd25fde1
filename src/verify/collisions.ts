/**
 * Which of many rectangles in time and bytes intersect?
 *
 * A sweep over time with a tree of the rectangles that are live, ordered by their first byte:
 *
 *     offset                      Only rectangles that begin below the top of the new one and end above its bottom
 *       8 ┤    ┌────┐             can collide with it. The tree keeps the highest end per subtree, so it finds each
 *         │ ┌──┼─┐  │ ← new       of them in logarithmic time.
 *       4 ┤ └──┼─┘! │
 *         │    └────┘             `!` is the collision.
 *       0 ┼────────────► step
 *
 * Invariant: independent of every allocator.
 */

/** Bytes of one chunk that are needed for some time. */
export interface Rectangle {
  /** First step, inclusive. */
  readonly start: number;
  /** Last step, exclusive. */
  readonly end: number;
  /** First byte. */
  readonly bottom: number;
  /** One past the last byte. */
  readonly top: number;
}

/**
 * Reports every pair of rectangles of one chunk that intersect, the one that starts later second; of those that start
 * together, the one that comes later in the list. Ends early where `report` says so. O((n + pairs) log n).
 *
 * @param report returns whether to go on
 */
export function forEachCollision<R extends Rectangle>(
  list: readonly R[],
  report: (earlier: R, later: R) => boolean,
): void {
  const places = list.map((_, place) => place);
  const byBottom = [...places].sort((a, b) => list[a].bottom - list[b].bottom);
  const byStart = [...places].sort((a, b) => list[a].start - list[b].start);
  const byEnd = [...places].sort((a, b) => list[a].end - list[b].end);
  const rankOf = new Int32Array(list.length);
  byBottom.forEach((place, rank) => (rankOf[place] = rank));

  // A binary tree over the rectangles by bottom; tops[node] is the highest top of a live one below that node.
  const leafCount = 2 ** Math.ceil(Math.log2(Math.max(1, list.length)));
  const tops = new Float64Array(2 * leafCount).fill(-Infinity);
  const setTop = (place: number, top: number): void => {
    let node = leafCount + rankOf[place];
    tops[node] = top;
    for (node = Math.floor(node / 2); node >= 1; node = Math.floor(node / 2)) {
      tops[node] = Math.max(tops[2 * node], tops[2 * node + 1]);
    }
  };
  /**
   * Visits the live rectangles below `node`, which starts at rank `first` and spans `width`, that meet `later`. Returns
   * whether to go on.
   */
  const visit = (node: number, first: number, width: number, later: R): boolean => {
    if (tops[node] <= later.bottom || list[byBottom[first]].bottom >= later.top) return true;
    if (width === 1) return report(list[byBottom[first]], later);
    const half = width / 2;
    return visit(2 * node, first, half, later) && visit(2 * node + 1, first + half, half, later);
  };

  let ended = 0;
  for (const place of byStart) {
    for (; list[byEnd[ended]].end <= list[place].start; ended++) setTop(byEnd[ended], -Infinity);
    if (!visit(1, 0, leafCount, list[place])) return;
    setTop(place, list[place].top);
  }
}

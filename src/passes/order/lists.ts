/**
 * Lists of numbers in two columns.
 */

/** Lists one after the other: that of `i` is entries `first[i]` to `first[i + 1]` (exclusive) of `items`. */
export interface Lists {
  readonly first: Int32Array;
  readonly items: Int32Array;
}

export function listsOf(lists: readonly (readonly number[])[]): Lists {
  const first = new Int32Array(lists.length + 1);
  for (let index = 0; index < lists.length; index++) first[index + 1] = first[index] + lists[index].length;
  const items = new Int32Array(first[lists.length]);
  for (let index = 0; index < lists.length; index++) items.set(lists[index], first[index]);
  return { first, items };
}

/** One of the lists, as a view of its entries. */
export function itemsOf({ first, items }: Lists, index: number): Int32Array {
  return items.subarray(first[index], first[index + 1]);
}

/** By number below `count`, the indices of the lists that it is in, ascending. */
export function inverseOf({ first, items }: Lists, count: number): Lists {
  const inverseFirst = new Int32Array(count + 1);
  for (const item of items) inverseFirst[item + 1]++;
  for (let item = 0; item < count; item++) inverseFirst[item + 1] += inverseFirst[item];
  const next = inverseFirst.slice();
  const inverseItems = new Int32Array(items.length);
  for (let index = 0; index + 1 < first.length; index++) {
    for (let at = first[index]; at < first[index + 1]; at++) inverseItems[next[items[at]]++] = index;
  }
  return { first: inverseFirst, items: inverseItems };
}

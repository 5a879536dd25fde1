/**
 * Growth of typed arrays.
 */

/** A longer copy of a column, with zeros behind its values. Default: twice as long. */
export function grown<T extends Int32Array | Float64Array>(column: T, length = 2 * column.length): T {
  const longer = new (column.constructor as new (length: number) => T)(length);
  longer.set(column);
  return longer;
}

/**
 * Typed arrays that grow.
 */

/** The same values with room for more behind them, all of it zero. Default: twice as many. */
export function grown<T extends Int32Array | Float64Array>(column: T, length = 2 * column.length): T {
  const longer = new (column.constructor as new (length: number) => T)(length);
  longer.set(column);
  return longer;
}

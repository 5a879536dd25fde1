/**
 * The operations of TFLite by name. Those without a row are known by name alone: the file says their shapes.
 */
import { BUILTIN_NAMES } from './builtin-names.js';
import { COPY_OPERATIONS } from './copy-operations.js';
import { ELEMENT_OPERATIONS } from './element-operations.js';
import { rowsOf, type TfliteRow } from './row.js';
import { STATE_OPERATIONS } from './state-operations.js';
import { WINDOW_OPERATIONS } from './window-operations.js';

const WRITTEN = [WINDOW_OPERATIONS, ELEMENT_OPERATIONS, COPY_OPERATIONS, STATE_OPERATIONS].flat();

const other = rowsOf('other');

const TABLE: ReadonlyMap<string, TfliteRow> = new Map(
  [...BUILTIN_NAMES.map((name) => other({ name, operands: [], isPure: false })), ...WRITTEN].map((row) => [
    row.name,
    row,
  ]),
);

/** The row of an operation; `undefined` for a custom operation. */
export function findTfliteOperation(name: string): TfliteRow | undefined {
  return TABLE.get(name);
}

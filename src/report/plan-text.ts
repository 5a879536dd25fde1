/**
 * A plan as JSON text that people can read as well: one tensor a line.
 */
import type { PlanJson } from '../plan/plan.js';

/**
 * The text of a plan file, ending in a newline. `JSON.parse` gives the plan back, with `record`, how it was made, beside it.
 */
export function formatPlan({ tensors, ...head }: PlanJson, record: object = {}): string {
  const fields = Object.entries({ ...head, ...record }).map(
    ([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`,
  );
  const rows = tensors.map((tensor) => `    ${JSON.stringify(tensor)}`);
  const list = rows.length === 0 ? '[]' : `[\n${rows.join(',\n')}\n  ]`;
  return `{\n${fields.join('')}  "tensors": ${list}\n}\n`;
}

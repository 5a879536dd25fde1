/**
 * Whether a node of a graph file is what its operation makes of its operands, where the dialect can tell.
 */
import { PlannerError } from '../errors.js';
import { sameShape } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';
import { fail, type DocumentKind } from './fields.js';

/** @throws PlannerError `BAD_DOCUMENT` if type or shape differ, or if the operation does not take such operands */
export function checkResult(node: Tensor, { dialect, names }: DocumentKind, label: string): void {
  const result = resultOf();
  if (result === null) return;
  const { type, shape } = result;
  // A view may read the bytes as another type: one storage for several results.
  if (type !== node.type && node.operation?.isView !== true) differs('type', node.type.name, type.name);
  if (!sameShape(node, { shape })) differs(names.shape, `[${node.shape.join(', ')}]`, `[${shape.join(', ')}]`);

  function resultOf(): ReturnType<typeof dialect.resultOf> {
    try {
      return dialect.resultOf(node);
    } catch (error) {
      if (!(error instanceof PlannerError)) throw error;
      const message = `${label} cannot be computed. ${error.message.slice(0, -error.remedy.length).trimEnd()}`;
      return fail('BAD_DOCUMENT', message, label, error.value, error.limit);
    }
  }

  function differs(field: string, found: string, expected: string): never {
    const culprit = `${label}.${field}`;
    const message = `${culprit} is ${found}, but ${node.op} makes ${expected} of these operands.`;
    fail('BAD_DOCUMENT', message, culprit, found, expected);
  }
}

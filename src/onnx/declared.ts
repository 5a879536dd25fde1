/**
 * The results of a node whose operation the caller declares.
 */
import { checkArgument, isListLike } from '../errors.js';
import type { Call, Known, Outcome } from '../dialects/onnx/call.js';
import { findElementType } from '../tensor/any-element-type.js';
import type { DeclaredValue, DeclareOperation } from './options.js';

/** @throws PlannerError `BAD_ARGUMENT` if the caller's function returns no results */
export function declaredOutcomes(declare: DeclareOperation, call: Call, full: string): readonly Outcome[] {
  const { node, inputs, outputCount } = call;
  const results: unknown = declare({ inputs: inputs.map(plain), attributes: node.attributes, outputCount });
  const culprit = `operations.${full}`;
  const remedy = 'Return one { type, shape } for each result, shapes outermost first.';
  checkArgument(
    isListLike(results) && results.length >= outputCount,
    culprit,
    results,
    `a list of ${outputCount}`,
    remedy,
  );
  return Array.from(results as ArrayLike<Partial<DeclaredValue> | null>, (result, index) => {
    const { type, shape } = result ?? {};
    const found = findElementType(type ?? '');
    checkArgument(found !== undefined, `${culprit}[${index}].type`, type, 'an element type', remedy);
    checkArgument(isListLike(shape), `${culprit}[${index}].shape`, shape, 'a list of lengths', remedy);
    return { type: found, shape: call.checked(Array.from(shape)) };
  });
}

function plain(known: Known | null): DeclaredValue | null {
  return known === null ? null : { type: known.type.name, shape: known.shape };
}

/**
 * Shapes of element-wise results.
 */
import { shown } from '../../errors.js';
import { countOf, demand, shapeOf, type ShapeQuery, type ShapeRule, type TfliteShape } from './shape-query.js';

/** The result has the shape of operand `slot`. */
export const shapeAs =
  (slot: number): ShapeRule =>
  (query) => [shapeOf(query, slot)];

/** The result has the shape to which all operands are repeated. */
export const repeated: ShapeRule = (query) => [
  query.shapes.reduce<TfliteShape>((sum, shape) => (shape === null ? sum : together(query, sum, shape)), []),
];

/** The shape to which both are repeated: dimensions are compared from the innermost, and 1 gives way. */
export function together(query: ShapeQuery, a: TfliteShape, b: TfliteShape): TfliteShape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, dim) => {
    const first = a[a.length - rank + dim] ?? 1;
    const second = b[b.length - rank + dim] ?? 1;
    const areFit = first === second || first === 1 || second === 1;
    demand(areFit, query, 'operands', `${shown(a)} and ${shown(b)}`, 'shapes that are equal or 1');
    return first === 1 ? second : first;
  });
}

/** SELECT: a condition of one number for each row of the others, or for each element. */
export const chosen: ShapeRule = (query) => {
  const [condition, first, second] = [0, 1, 2].map((slot) => shapeOf(query, slot));
  if (condition.length <= 1 && countOf(condition) === (first[0] ?? 1)) return [first];
  return [together(query, together(query, condition, first), second)];
};

/**
 * Casts, and what autocast casts by itself.
 */
import type { ElementType } from '../../../tensor/element-type.js';
import { ELEMENT_TYPES } from '../../../tensor/element-type.js';
import { gradNode } from '../grad-node.js';
import type { Tape } from '../tape.js';
import { preserved, type Value } from '../value.js';

/** `value.to(type)`: the same value if it has that type. */
export function castTo(t: Tape, value: Value, type: ElementType): Value {
  if (value.type === type) return value;
  const node = gradNode(t, [value]);
  const spec = { type, shape: value.shape, strides: preserved(value) };
  const [cast] = t.emit('aten._to_copy.default', [value], [spec]);
  node?.finish([cast], ([gradient]) => [castTo(t, gradient!, value.type)]);
  return cast;
}

/** What a matrix product computes with: `value`, or its cast in a region of autocast. */
function autocast(t: Tape, value: Value): Value {
  const region = t.autocast;
  if (region === null || value.type !== ELEMENT_TYPES.f32) return castForAutocast(t, value);
  const isParameter = value.edge !== null && value.edge.node.edges.length === 0 && !value.tensor.isView;
  if (!isParameter) return castTo(t, value, region.type);
  const known = region.casts.get(value);
  if (known !== undefined) return known;
  const cast = castTo(t, value, region.type);
  region.casts.set(value, cast);
  return cast;
}

/** The operands of one call in a region of autocast: C++ casts the last one first. */
export function autocastAll<T extends readonly Value[]>(t: Tape, ...operands: T): T {
  return operands
    .toReversed()
    .map((operand) => autocast(t, operand))
    .reverse() as unknown as T;
}

/** Values of another small type than that of the region are cast as well; integers are not. */
function castForAutocast(t: Tape, value: Value): Value {
  const isFloat = value.type === ELEMENT_TYPES.f16 || value.type === ELEMENT_TYPES.bf16;
  return t.autocast !== null && isFloat ? castTo(t, value, t.autocast.type) : value;
}

/** What autocast computes in fp32 on a GPU; on a CPU these operations take what they get. */
export function inF32(t: Tape, value: Value): Value {
  return t.autocast !== null && t.device === 'cuda' ? castTo(t, value, ELEMENT_TYPES.f32) : value;
}

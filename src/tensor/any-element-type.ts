/**
 * Looks up the element types of every dialect by their names.
 */
import { ELEMENT_TYPES, elementType, type ElementType } from './element-type.js';
import { PLAIN_TYPES } from './plain-types.js';

const TYPES: Readonly<Partial<Record<string, ElementType>>> = { ...ELEMENT_TYPES, ...PLAIN_TYPES };

/** The type of that name; undefined if no dialect has it. */
export function findElementType(name: string): ElementType | undefined {
  return Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
}

/** The type of that name, of ggml or of another program. @throws PlannerError `UNKNOWN_TYPE` */
export function anyElementType(name: string, culprit = 'element type'): ElementType {
  return findElementType(name) ?? elementType(name, culprit);
}

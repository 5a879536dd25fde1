/**
 * Looks up the element types of every dialect by their names.
 */
import { ELEMENT_TYPES, type ElementType } from './element-type.js';
import { PLAIN_TYPES } from './plain-types.js';

const TYPES: Readonly<Partial<Record<string, ElementType>>> = { ...ELEMENT_TYPES, ...PLAIN_TYPES };

/** The type of that name; undefined if no dialect has it. */
export function findElementType(name: string): ElementType | undefined {
  return Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
}

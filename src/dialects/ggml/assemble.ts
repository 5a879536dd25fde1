/**
 * Puts the families of operations together into one class.
 *
 * Invariant: the families stand side by side. All their methods lie on one prototype, which inherits from the prototype
 * of {@link Applier}; no two families define the same method.
 */
import type { MemoryKind } from '../../tensor/tensor.js';
import type { ByteSource } from '../../tensor/immediate-memory.js';
import { Applier } from './ops/applier.js';

/** A class whose methods are taken. The type of its prototype is that of its instances. */
interface Family {
  readonly prototype: object;
}

/** The intersection of all members of a union. */
type Together<T> = (T extends unknown ? (each: T) => void : never) extends (all: infer All) => void ? All : never;

/** A subclass of {@link Applier} with the methods of all `families`. */
export function assemble<F extends readonly Family[]>(
  ...families: F
): new (memory: MemoryKind, byteSource: ByteSource | null) => Together<F[number]['prototype']> {
  class Assembled extends Applier {}
  for (const { prototype } of families) {
    for (const [name, method] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (name === 'constructor') continue;
      if (Object.hasOwn(Assembled.prototype, name)) throw new Error(`Two families of operations define ${name}.`);
      Object.defineProperty(Assembled.prototype, name, method);
    }
  }
  return Assembled as never;
}

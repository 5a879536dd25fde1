/**
 * Ways to damage documents: JSON by the value, text by the line, bytes by the bit. Each takes its choices from
 * fast-check, so that a failure shrinks to the one bit that does it.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import { PlannerError } from '../../src/errors.js';
import { withinUnits } from './effort.js';

/** Values that have broken readers before. */
const ODD_VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1, 0.5, -0, 1e308, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e21],
  ...['', '0', '1', '__proto__', 'constructor', 'prototype', 'toString', 'f32', '../../etc/passwd', '$(exit 1)'],
  ...['\u0000', '\ud800', 'x'.repeat(5000), [], [[]], {}, [null], [-1], [0, 0, 0, 0], [1e15, 1e15, 1, 1]],
  JSON.parse('{"__proto__": {"polluted": true}}'),
  JSON.parse('{"constructor": {"prototype": {"polluted": true}}}'),
];

const ODD_KEYS = ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toJSON', 'length', 'then', ''];

/** A step of damage: where, what, and with which odd value. */
export interface JsonDamage {
  readonly at: readonly number[];
  readonly how: 'replace' | 'remove' | 'add' | 'duplicate';
  readonly value: unknown;
  readonly key: string;
}

export const jsonDamage: fc.Arbitrary<JsonDamage[]> = fc.array(
  fc.record({
    at: fc.array(fc.nat(30), { minLength: 1, maxLength: 6 }),
    how: fc.constantFrom('replace', 'remove', 'add', 'duplicate'),
    value: fc.constantFrom(...ODD_VALUES),
    key: fc.constantFrom(...ODD_KEYS),
  }),
  { minLength: 1, maxLength: 4 },
);

/** A damaged copy of a JSON document. */
export function damageJson(document: unknown, damages: readonly JsonDamage[]): unknown {
  const copy = structuredClone(document);
  for (const damage of damages) damageOnce(copy, damage);
  return copy;
}

function damageOnce(document: unknown, { at, how, value, key }: JsonDamage): void {
  let parent = document;
  for (const [depth, choice] of at.entries()) {
    if (typeof parent !== 'object' || parent === null) return;
    const keys = Object.keys(parent);
    if (keys.length === 0) return;
    const name = keys[choice % keys.length];
    const child = (parent as Record<string, unknown>)[name];
    const isLeaf = typeof child !== 'object' || child === null || depth === at.length - 1;
    if (!isLeaf) {
      parent = child;
      continue;
    }
    // A copy: damage to the document must not damage the value for those that come later.
    const odd = structuredClone(value);
    if (how === 'replace') (parent as Record<string, unknown>)[name] = odd;
    else if (how === 'add') define(parent, key, odd);
    else if (how === 'remove') remove(parent, name);
    else if (Array.isArray(parent)) parent.push(child);
    return;
  }
}

/** An own property even of that name, as `JSON.parse` makes it; arrays just grow. */
function define(target: object, key: string, value: unknown): void {
  if (Array.isArray(target)) target.push(value);
  else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

function remove(target: object, name: string): void {
  if (Array.isArray(target)) target.splice(Number(name), 1);
  else Reflect.deleteProperty(target, name);
}

/** Which byte, and what becomes of it. */
export interface ByteDamage {
  readonly at: number;
  readonly how: 'set' | 'cut' | 'insert' | 'remove' | 'huge';
  readonly byte: number;
}

export const byteDamage: fc.Arbitrary<ByteDamage[]> = fc.array(
  fc.record({
    at: fc.nat({ max: 2 ** 20 }),
    how: fc.constantFrom('set', 'set', 'set', 'huge', 'insert', 'remove', 'cut'),
    byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 1, 8, 9, 127, 128, 255)),
  }),
  { minLength: 1, maxLength: 5 },
);

/** A damaged copy of some bytes. `huge` makes a 64-bit number of at least 2^56 out of what is there. */
export function damageBytes(bytes: Uint8Array, damages: readonly ByteDamage[]): Uint8Array {
  let copy = Array.from(bytes);
  for (const { at, how, byte } of damages) {
    const index = copy.length === 0 ? 0 : at % copy.length;
    if (how === 'set') copy[index] = byte;
    else if (how === 'cut') copy = copy.slice(0, index);
    else if (how === 'insert') copy.splice(index, 0, byte);
    else if (how === 'remove') copy.splice(index, 1 + (byte % 8));
    else for (let i = 0; i < 8 && index + i < copy.length; i++) copy[index + i] = byte | 1;
  }
  return Uint8Array.from(copy);
}

/** Units of work, as {@link withinUnits} counts them: more than any reader needs for a document of a few kilobytes. */
const WORK_LIMIT = 5000;
/**
 * Bytes by which this process may grow beyond its largest size so far: garbage that has not been collected comes to a
 * tenth of it, what a damaged count asks for to many times it.
 */
const MEMORY_LIMIT = 2 ** 29;

/** Runs `work` on damaged input: in bounded time and memory, and it touches no prototype. */
export async function bounded<T>(work: () => T | Promise<T>): Promise<T> {
  const peakBefore = peakMemory();
  try {
    return await withinUnits(WORK_LIMIT, work);
  } finally {
    expect(peakMemory() - peakBefore).toBeLessThan(MEMORY_LIMIT);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(([] as { polluted?: unknown }).polluted).toBeUndefined();
  }
}

/** Bytes that this process had in memory at its largest. */
function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** As {@link bounded}; it may return or throw a `PlannerError`. Returns what it returned; `undefined` if it threw. */
export async function callReader<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await bounded(read);
  } catch (error) {
    expect(error).toBeInstanceOf(PlannerError);
    return undefined;
  }
}

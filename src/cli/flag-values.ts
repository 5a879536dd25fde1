/**
 * How the values of flags are read. Each reader rejects with commander's `InvalidArgumentError`.
 */
import { InvalidArgumentError } from 'commander';
import type { FlashAttention } from '../models/options.js';
import { BYTE_UNITS, forgottenUnit, isPowerOfTwo, parseBytes } from '../units.js';

export const MAX_UINT32 = 2 ** 32 - 1;

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

export function choice(choices: readonly string[]): (text: string) => string {
  return (text) => {
    if (choices.includes(text)) return text;
    throw new InvalidArgumentError(`It must be one of ${choices.join(', ')}.`);
  };
}

/** Tokens: a whole number, or one of 1024s, such as `32k`. */
export function tokenCount(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+)([kKmM]?)$/.exec(text) ?? [];
  const value = Number(digits) * { '': 1, k: 1024, m: 1024 ** 2 }[unit.toLowerCase()]!;
  if (digits !== '' && value <= MAX_UINT32) return value;
  throw new InvalidArgumentError(`It must be a whole number from 0 to ${MAX_UINT32}, such as 32768 or 32k.`);
}

/** Stands for a flag that was given, but with llama.cpp's word for its default. */
export const BY_DEFAULT = Symbol('by default');

/** Sequences; -1 is llama.cpp's word for its default. */
export function sequenceCount(text: string): number | typeof BY_DEFAULT {
  return text === '-1' ? BY_DEFAULT : wholeNumber(1, 256)(text);
}

/** All the words that llama.cpp has for flash attention. */
const FLASH_ATTENTION: ReadonlyMap<string, FlashAttention> = new Map<string, FlashAttention>([
  ...['on', 'enabled', 'true', '1'].map((word) => [word, true] as const),
  ...['off', 'disabled', 'false', '0'].map((word) => [word, false] as const),
  ...['auto', '-1'].map((word) => [word, 'auto'] as const),
]);

/** `on`, `off` and `auto`, or another word for one of them. */
export function flashAttention(text: string): FlashAttention {
  const value = FLASH_ATTENTION.get(text);
  if (value !== undefined) return value;
  throw new InvalidArgumentError('It must be one of on, off, auto.');
}

/** A size of at least one byte, as {@link parseBytes} reads it. */
export function byteSize(text: string): number {
  const bytes = parseBytes(text);
  if (bytes !== null && bytes >= 1) return bytes;
  throw new InvalidArgumentError(
    `It must be a whole number of bytes from 1 to 2^53 - 1, such as 4096 or 8GiB; units are ${BYTE_UNITS}.`,
  );
}

/** As {@link byteSize}, of memory of a machine: a small number needs a unit, `B` if need be. */
export function memorySize(text: string): number {
  const bytes = byteSize(text);
  const unit = forgottenUnit(text, bytes);
  if (unit === null) return bytes;
  throw new InvalidArgumentError(`It has no unit: write ${text}${unit}, or ${text}B if you mean ${bytes} bytes.`);
}

export function alignment(text: string): number {
  const bytes = byteSize(text);
  if (isPowerOfTwo(bytes)) return bytes;
  throw new InvalidArgumentError('It must be a power of two, such as 32.');
}

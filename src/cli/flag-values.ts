/**
 * How the values of flags are read. Each reader rejects with commander's `InvalidArgumentError`.
 */
import { InvalidArgumentError } from 'commander';
import { isPowerOfTwo } from '../units.js';

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

const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ...['k', 'm', 'g', 't'].flatMap((prefix, index): [string, number][] => [
    [prefix, 1024 ** (index + 1)],
    [`${prefix}ib`, 1024 ** (index + 1)],
    [`${prefix}b`, 1000 ** (index + 1)],
  ]),
]);

/** `4096`, `8GiB`, `8G`, `1.5MiB`, `2GB` (1000-based, as its name says): a whole number of bytes above zero. */
export function byteSize(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? [];
  const bytes = Number(digits) * (UNIT_BYTES.get(unit.toLowerCase()) ?? NaN);
  if (digits !== '' && Number.isSafeInteger(bytes) && bytes >= 1) return bytes;
  throw new InvalidArgumentError('It must be a whole number of bytes from 1 to 2^53 - 1, such as 4096 or 8GiB.');
}

export function alignment(text: string): number {
  const bytes = byteSize(text);
  if (isPowerOfTwo(bytes)) return bytes;
  throw new InvalidArgumentError('It must be a power of two, such as 32.');
}

/**
 * Checked byte arithmetic.
 *
 * Invariant: bytes are integers in `number`s, exact up to 2^53 - 1; a larger value throws instead of being rounded.
 * 32-bit operators never touch a byte count.
 */
import { named, PlannerError, wrongValue } from './errors.js';

/** The largest byte count the library computes with: 2^53 - 1. */
export const MAX_BYTES = Number.MAX_SAFE_INTEGER;

/** Returns `bytes` if it is an exact byte count of at least 0; throws `BYTES_TOO_LARGE` otherwise. */
export function checkBytes(bytes: number, culprit: string): number {
  if (Number.isSafeInteger(bytes) && bytes >= 0) return bytes;
  throw new PlannerError('BYTES_TOO_LARGE', {
    message: `Bytes are counted in integers from 0 to 2^53 - 1, but ${named(culprit)} comes to ${bytes}.`,
    culprit,
    value: bytes,
    limit: 'an integer from 0 to 2^53 - 1',
    remedy: 'Use smaller sizes, or split what they belong to.',
  });
}

/** Whether `value` is 1, 2, 4, … up to 2^52. */
export function isPowerOfTwo(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && 2 ** Math.round(Math.log2(value)) === value;
}

/** Returns `alignment` if it is a power of two; throws `BAD_ALIGNMENT` otherwise. */
export function checkAlignment(alignment: number, culprit = 'alignment'): number {
  if (isPowerOfTwo(alignment)) return alignment;
  throw wrongValue('BAD_ALIGNMENT', {
    culprit,
    value: alignment,
    limit: 'a power of two of at least 1',
    remedy: 'Use 32, which is what ggml uses on a CPU, or the device’s own alignment.',
  });
}

/**
 * The smallest multiple of `alignment`, a power of two, that is at least `bytes`. Exact as long as the result is at
 * most 2^53 - 1. The caller checks the inputs once with {@link checkBytes}, so that hot loops need no checks.
 */
export function alignUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment; // exact: a power of two changes the exponent only
}

/** The largest k with `2^k <= value`, for an integer value from 1 to 2^53 - 1; exact, where `Math.log2` may round. */
export function floorLog2(value: number): number {
  const high = Math.floor(value / 2 ** 32);
  return high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(value);
}

/** Bytes per unit, by its name in lower case. */
const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ...['k', 'm', 'g', 't'].flatMap((prefix, index): [string, number][] => [
    [prefix, 1024 ** (index + 1)],
    [`${prefix}i`, 1024 ** (index + 1)],
    [`${prefix}ib`, 1024 ** (index + 1)],
    [`${prefix}b`, 1000 ** (index + 1)],
  ]),
]);

/** The units of {@link parseBytes}, for messages. */
export const BYTE_UNITS = 'k, m, g, t (1024-based, also as in Ki and KiB) and KB, MB, GB, TB (1000-based)';

/**
 * A size as people write it: `4096`, `8e9`, `8GiB`, `8Gi`, `8G`, `.5 MiB`, `2GB` (1000-based, as its name says). Null
 * unless it is a whole number of bytes up to 2^53 - 1.
 */
export function parseBytes(text: string): number | null {
  const [, digits = '', unit = ''] = /^((?:\d+\.?\d*|\.\d+)(?:e\d{1,2})?) *([a-z]*)$/i.exec(text.trim()) ?? [];
  const bytes = Number(digits) * (UNIT_BYTES.get(unit.toLowerCase()) ?? NaN);
  return digits !== '' && Number.isSafeInteger(bytes) ? bytes : null;
}

/** Without a unit, fewer bytes of memory than this are MiB or GiB that somebody meant. */
const LEAST_PLAIN_MEMORY = 1024 ** 2;

/** From here on a number without a unit is MiB, as tools print the memory of devices, rather than GiB. */
const LEAST_MIB = 1024;

/** The unit that somebody has forgotten in a size of a machine's memory; null if the size is plausible as it is. */
export function forgottenUnit(text: string, bytes: number): 'MiB' | 'GiB' | null {
  if (bytes >= LEAST_PLAIN_MEMORY || /[a-z]$/i.test(text.trim())) return null;
  return bytes >= LEAST_MIB ? 'MiB' : 'GiB';
}

/**
 * Sixteen-bit floating point as numbers: f16 (IEEE binary16) and bf16 (the upper half of an f32), rounding to the
 * nearest, ties to even.
 *
 * Invariant: decoding is exact; encoding a decoded value gives its bits back, but for NaNs, which all become one.
 */

const F16_LARGEST = 65504;
const F16_SMALLEST_NORMAL = 2 ** -14;
const F16_NAN = 0x7e00;
const F16_INFINITY = 0x7c00;
const SIGN = 0x8000;

/** The value of an f16 given as its 16 bits. */
export function decodeF16(bits: number): number {
  const sign = bits >= SIGN ? -1 : 1;
  const exponent = Math.floor(bits / 1024) % 32;
  const fraction = bits % 1024;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The 16 bits of the f16 nearest to `value`. */
export function encodeF16(value: number): number {
  if (Number.isNaN(value)) return F16_NAN;
  const sign = value < 0 || Object.is(value, -0) ? SIGN : 0;
  const size = Math.abs(value);
  if (size < F16_SMALLEST_NORMAL) return sign + roundToEven(size * 2 ** 24);
  if (size >= F16_LARGEST + 16) return sign + F16_INFINITY;
  let exponent = Math.floor(Math.log2(size));
  if (2 ** exponent > size) exponent--;
  // A fraction that rounds up to 2048 carries into the exponent, as the sum of both does by itself.
  return sign + (exponent + 14) * 1024 + roundToEven(size * 2 ** (10 - exponent));
}

const scratch = new DataView(new ArrayBuffer(4));
const BF16_NAN = 0x7fc0;

/** The value of a bf16 given as its 16 bits. */
export function decodeBf16(bits: number): number {
  scratch.setUint32(0, bits * 0x10000);
  return scratch.getFloat32(0);
}

/** The 16 bits of the bf16 nearest to `value`. */
export function encodeBf16(value: number): number {
  if (Number.isNaN(value)) return BF16_NAN;
  scratch.setFloat32(0, value);
  return roundToEven(scratch.getUint32(0) / 0x10000);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

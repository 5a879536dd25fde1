/**
 * From steps and bytes to pixels, and numbers that make good tick marks. Two linear scales are all that a map needs, so
 * they are written here and the core keeps having no dependency.
 */
import { groupDigits } from '../format.js';

/** A range of values, `from` below `to`. */
export interface MapRange {
  readonly from: number;
  readonly to: number;
}

/** The part of a map that a picture shows. */
export interface MapWindow {
  readonly steps: MapRange;
  /** Bytes from the start of the first chunk; the chunks are stacked. */
  readonly bytes: MapRange;
}

/** The rectangle of the picture that the window fills, pixels; `y` grows downwards. */
export interface Plot {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Turns steps and bytes into pixels. */
export class Scale {
  constructor(
    readonly window: MapWindow,
    readonly plot: Plot,
  ) {}

  /** The horizontal position of the start of a step. */
  x(step: number): number {
    const { from, to } = this.window.steps;
    return this.plot.x + ((step - from) / (to - from)) * this.plot.width;
  }

  /** The vertical position of a byte, from the start of the first chunk. */
  y(bytes: number): number {
    const { from, to } = this.window.bytes;
    return this.plot.y + this.plot.height - ((bytes - from) / (to - from)) * this.plot.height;
  }

  /** The step under a horizontal position, with its fraction. */
  stepAt(x: number): number {
    const { from, to } = this.window.steps;
    return from + ((x - this.plot.x) / this.plot.width) * (to - from);
  }

  /** The byte under a vertical position, with its fraction. */
  bytesAt(y: number): number {
    const { from, to } = this.window.bytes;
    return from + ((this.plot.y + this.plot.height - y) / this.plot.height) * (to - from);
  }
}

const UNITS = [
  { name: 'GiB', bytes: 2 ** 30 },
  { name: 'MiB', bytes: 2 ** 20 },
  { name: 'KiB', bytes: 2 ** 10 },
  { name: 'B', bytes: 1 },
] as const;

/** A unit of bytes. */
export interface ByteUnit {
  readonly name: string;
  readonly bytes: number;
}

/** The unit in which `bytes` is easiest to read; MiB up to some gibibytes, since that is what people compare. */
export function byteUnit(bytes: number): ByteUnit {
  return UNITS.find(({ name, bytes: unit }) => bytes >= (name === 'GiB' ? 8 * unit : unit)) ?? UNITS[3];
}

/** A number with groups of thousands and as many digits after the point as asked for. */
export function decimal(value: number, digits: number): string {
  const [whole, fraction] = value.toFixed(Math.min(digits, 12)).split('.');
  const sign = whole.startsWith('-') ? '-' : '';
  const grouped = sign + groupDigits(Number(whole.replace('-', '')));
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** Round values within the range, at most about `count`: one, two or five times a power of ten. */
export function ticks({ from, to }: MapRange, count: number, leastStep = 0): number[] {
  const rough = (to - from) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((each) => each * power >= rough * (1 - 1e-9)) ?? 10;
  const step = Math.max(leastStep, factor * power);
  const values: number[] = [];
  const last = Math.floor(to / step + 1e-9);
  for (let k = Math.ceil(from / step - 1e-9); k <= last; k++) values.push(Number((k * step).toPrecision(12)));
  return values;
}

/**
 * The flags that decide the shapes of a model whose file leaves them open.
 */
import { InvalidArgumentError } from 'commander';
import { CliError } from './cli-error.js';
import type { Flag } from './flag.js';

/** A length, or all from the least to the greatest. */
export type LengthRange = readonly [least: number, most: number];

/** The flags that a user gave, in their order; each has the name and what it is given. */
export interface ShapeFlags {
  readonly dims?: readonly (readonly [name: string, range: LengthRange])[];
  readonly inputs?: readonly (readonly [name: string, shape: readonly number[]])[];
  readonly bounds?: readonly (readonly [name: string, shape: readonly number[]])[];
}

/** Lengths and shapes by name, as a plan file records them. */
export interface ShapeRecord {
  readonly dims?: Readonly<Record<string, number>>;
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  readonly bounds?: Readonly<Record<string, readonly number[]>>;
}

const GROUP = { kinds: ['graph'], group: 'The model (.onnx, .tflite):' } as const;

export const SHAPE_FLAGS: readonly Flag[] = [
  {
    key: 'dims',
    long: '--dim',
    value: 'NAME=N|A..B',
    parse: (text: string) => [namedValue(text, lengths)],
    isList: true,
    help: 'the length of a dimension that the file only names, such as batch=1; may be given several times. measure also takes a range, such as batch=1..8, for one plan of all lengths',
    ...GROUP,
  },
  {
    key: 'inputs',
    long: '--input',
    value: 'NAME=D0,D1,…',
    parse: (text: string) => [namedValue(text, shape)],
    isList: true,
    help: 'the shape of a whole input, outermost dimension first, such as x=1,3,640,640; for dimensions without a name',
    ...GROUP,
  },
  {
    key: 'bounds',
    long: '--bound',
    value: 'NAME=D0,D1,…',
    parse: (text: string) => [namedValue(text, shape)],
    isList: true,
    help: 'the largest shape of a value whose shape only a run tells, such as that of NonMaxSuppression',
    ...GROUP,
  },
];

/** One plan is of one shape. @throws CliError */
export function refuseRanges({ dims = [] }: ShapeFlags): void {
  const range = dims.find(([, [least, most]]) => least < most);
  if (range === undefined) return;
  const [name, [least, most]] = range;
  throw new CliError(`--dim ${name}=${least}..${most} is a range, which measure alone takes; give one length`);
}

/** A name may contain `=`: the value begins behind the last one. */
function namedValue<V>(text: string, read: (value: string) => V): readonly [string, V] {
  const at = text.lastIndexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be a name, = and a value.');
  return [text.slice(0, at), read(text.slice(at + 1))];
}

function lengths(text: string): LengthRange {
  const [least, most = least, ...others] = text.split('..').map(length);
  if (others.length > 0 || least > most) throw new InvalidArgumentError('A range must be A..B, the lesser first.');
  return [least, most];
}

/** An empty text is the shape of a single number. */
function shape(text: string): readonly number[] {
  return text === '' ? [] : text.split(',').map(length);
}

function length(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('A length must be a whole number from 0 to 2^53 - 1.');
}

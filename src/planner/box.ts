/**
 * A box of lengths: its corners, its centre and its points.
 */
import { checkArgument, named, wrongValue } from '../errors.js';

/** Lengths of one graph of a family, by name. */
export type Dims<Name extends string> = Readonly<Record<Name, number>>;

/** The least and the greatest value of each length, both inclusive. */
export type Box<Name extends string> = Readonly<Record<Name, readonly [least: number, most: number]>>;

/** More lengths than this have too many corners. */
const MOST_DIMS = 10;

export function checkBox(box: Box<string>): void {
  const isObject = typeof box === 'object' && (box as unknown) !== null && !Array.isArray(box);
  checkArgument(isObject, 'box', box, 'an object of ranges', 'Give such as { length: [1, 4096] }.');
  const names = Object.keys(box);
  const isFew = names.length >= 1 && names.length <= MOST_DIMS;
  checkArgument(
    isFew,
    'box',
    `${names.length} lengths`,
    `of 1 to ${MOST_DIMS} lengths`,
    'Give such as { length: [1, 4096] }.',
  );
  for (const name of names) {
    const range: readonly unknown[] = box[name];
    const isPair = Array.isArray(range) && range.length === 2 && range.every((end) => Number.isSafeInteger(end));
    const isRange = isPair && Number(range[0]) >= 0 && Number(range[0]) <= Number(range[1]);
    checkArgument(
      isRange,
      `box.${name}`,
      range,
      'two whole numbers, the lesser first',
      'Give [least, most], both inclusive.',
    );
  }
}

export function checkDims<Name extends string>(dims: Dims<Name>, box: Box<Name>): void {
  const isObject = typeof dims === 'object' && (dims as unknown) !== null;
  checkArgument(isObject, 'dims', dims, 'an object of lengths', 'Give a length for each name of the box.');
  for (const name of namesOf(box)) {
    const [least, most] = box[name];
    const isInside = Number.isSafeInteger(dims[name]) && dims[name] >= least && dims[name] <= most;
    if (isInside) continue;
    const limit = `a whole number from ${least} to ${most}, as in the box`;
    throw wrongValue('BAD_ARGUMENT', {
      culprit: name,
      value: dims[name],
      limit,
      remedy: 'Widen the box of the family.',
    });
  }
  for (const name in dims) {
    const remedy = `The names are ${namesOf(box).join(', ')}.`;
    checkArgument(name in box, 'dims', named(name), 'the names of the box', remedy);
  }
}

const namesOf = <Name extends string>(box: Box<Name>): Name[] => Object.keys(box) as Name[];

/** Every combination of one value for each name. */
function* combinations<Name extends string>(
  valuesOf: (name: Name) => Iterable<number>,
  names: readonly Name[],
): Generator<Dims<Name>> {
  const [name, ...others] = names;
  if (name === undefined) {
    yield {} as Dims<Name>;
    return;
  }
  for (const value of valuesOf(name))
    for (const rest of combinations(valuesOf, others)) yield { [name]: value, ...rest };
}

export const cornersOf = <Name extends string>(box: Box<Name>): Dims<Name>[] => [
  ...combinations((name) => new Set(box[name].toReversed()), namesOf(box)),
];

export const pointsOf = <Name extends string>(box: Box<Name>): Generator<Dims<Name>> =>
  combinations((name) => range(box[name][0], box[name][1]), namesOf(box));

function* range(least: number, most: number): Generator<number> {
  for (let value = least; value <= most; value++) yield value;
}

export const greatestOf = <Name extends string>(box: Box<Name>): Dims<Name> => cornersOf(box)[0];

export function centreOf<Name extends string>(box: Box<Name>): Dims<Name> {
  const entries = namesOf(box).map((name) => [name, Math.floor((box[name][0] + box[name][1]) / 2)]);
  return Object.fromEntries(entries) as Dims<Name>;
}

/**
 * Scans the structure of a header before the parser reads its values: every length and count, no value.
 *
 * Invariant: a header that passes has a bounded size, ends within its file, and has each key once, with a name; it has
 * no lists of lists, and has a version and byte order that llama.cpp takes. So parsing it takes bounded time and
 * memory.
 */
import { named, type PlannerError } from '../errors.js';
import { foreignFile } from './foreign-file.js';
import type { GgufValueType } from './types.js';
import { damagedHeader, HeaderBytes } from './header-bytes.js';
import type { RangeSource } from './range-source.js';

export interface ScannedHeader {
  /** From the start of the file, at least to the end of its header. */
  readonly bytes: Uint8Array;
  /** How the value of each key, or each element of a list, is stored. */
  readonly types: Readonly<Record<string, GgufValueType>>;
}

/** Far above the counts of real models, whose largest tokenisers have a list of half a million texts. */
const MAX_KEYS = 100_000;
const MAX_TENSORS = 500_000;
const MAX_DIMENSIONS = 4;
/** Most elements of one list. */
const MAX_ELEMENTS = 1_000_000;
/** The parser cuts longer texts off. */
const MAX_TEXT_BYTES = 500_000;

/** Value types by GGUF's number, each with the bytes of a value. A text begins with its own length. */
const VALUES: readonly (readonly [GgufValueType, bytes: number] | undefined)[] = [
  ['u8', 1],
  ['i8', 1],
  ['u16', 2],
  ['i16', 2],
  ['u32', 4],
  ['i32', 4],
  ['f32', 4],
  ['bool', 1],
  ['string', NaN],
  undefined,
  ['u64', 8],
  ['i64', 8],
  ['f64', 8],
];
const LIST = 9;

/** @throws PlannerError `BAD_GGUF` */
export async function scanHeader(source: RangeSource): Promise<ScannedHeader> {
  const { name } = source;
  const bytes = new HeaderBytes(source);
  const { tensorCount, keyCount } = await bytes.whole(() => scanStart(bytes, name));
  const types = Object.create(null) as Record<string, GgufValueType>;
  for (let index = 0; index < keyCount; index++) {
    const { key, type } = await bytes.whole(() => scanEntry(bytes, `${named(name)}: key ${index + 1}`));
    if (key in types) {
      throw damagedHeader(`${named(key)} is in the header twice.`, key, 'there twice', 'one entry for each key');
    }
    types[key] = type;
  }
  for (let index = 0; index < tensorCount; index++) {
    await bytes.whole(() => scanTensor(bytes, `${named(name)}: tensor ${index + 1}`));
  }
  return { bytes: bytes.all, types };
}

function scanStart(bytes: HeaderBytes, name: string): { tensorCount: number; keyCount: number } {
  if (bytes.u32() !== 0x46554747) throw notGguf(bytes.all, name);
  const version = bytes.u32();
  if (version !== 2 && version !== 3) {
    const isSwapped = version % 2 ** 16 === 0;
    const value = isSwapped ? 'in another byte order' : `of version ${version}`;
    const remedy = isSwapped
      ? 'Convert it to little-endian with gguf_convert_endian.py of llama.cpp.'
      : version === 1
        ? 'Convert the model again with a current converter.'
        : 'It is newer than this library, which an update may mend, or damaged.';
    const message = `${named(name)} is a GGUF file ${value}; only little-endian files of version 2 and 3 can be read.`;
    throw damagedHeader(message, name, value, 'a little-endian GGUF file of version 2 or 3', remedy);
  }
  const tensorCount = scanCount(bytes, `${named(name)}: number of tensors`, MAX_TENSORS);
  return { tensorCount, keyCount: scanCount(bytes, `${named(name)}: number of keys`, MAX_KEYS) };
}

/** The error for a file of another kind; it names the kind if it can. */
function notGguf(bytes: Uint8Array, name: string): PlannerError {
  const { what, remedy } = foreignFile(bytes) ?? {};
  const value = what === undefined ? 'not starting with GGUF' : `like ${what}`;
  const looks = what === undefined ? 'does not start as one does' : `looks like ${what}`;
  return damagedHeader(`${named(name)} is no GGUF file: it ${looks}.`, name, value, 'a GGUF file', remedy);
}

function scanCount(bytes: HeaderBytes, culprit: string, most: number): number {
  const count = bytes.u64();
  if (count > most)
    throw damagedHeader(
      `${culprit} is ${count}, more than the ${most} of any real file.`,
      culprit,
      count,
      `at most ${most}`,
    );
  return count;
}

function scanEntry(bytes: HeaderBytes, culprit: string): { key: string; type: GgufValueType } {
  const key = bytes.text(scanCount(bytes, `${culprit}: length`, MAX_TEXT_BYTES));
  if (key === '')
    throw damagedHeader(`${culprit} has no name.`, culprit, 'without a name', 'a name of at least one character');
  let typeNumber = bytes.u32();
  const isList = typeNumber === LIST;
  if (isList) typeNumber = bytes.u32();
  const value = VALUES[typeNumber];
  if (value === undefined) {
    const found = typeNumber === LIST ? 'a list of lists' : `of GGUF type ${typeNumber}`;
    const limit = 'numbers, true or false, texts, or a list of these';
    throw damagedHeader(`${named(key)} is ${found}, but must be ${limit}.`, key, found, limit);
  }
  const [type, size] = value;
  const count = isList ? scanCount(bytes, `number of elements of ${key}`, MAX_ELEMENTS) : 1;
  if (type !== 'string') bytes.skip(count * size);
  else for (let i = 0; i < count; i++) bytes.skip(scanCount(bytes, `length of a text of ${key}`, MAX_TEXT_BYTES));
  return { key, type };
}

function scanTensor(bytes: HeaderBytes, culprit: string): void {
  const name = bytes.text(scanCount(bytes, `${culprit}: length of its name`, MAX_TEXT_BYTES));
  const dimensionCount = bytes.u32();
  if (dimensionCount > MAX_DIMENSIONS) {
    const [value, limit] = [`${dimensionCount} dimensions`, `at most ${MAX_DIMENSIONS} dimensions`];
    throw damagedHeader(`${named(name)} has ${value}, but tensors have ${limit}.`, name, value, limit);
  }
  bytes.skip(8 * dimensionCount + 4 + 8);
}

/**
 * The header of a GGUF file as plain data: metadata and the list of tensors. Weight data is never read, so a file that
 * holds only a header will do.
 *
 * Invariant: the returned header is complete and consistent (`gguf_init_from_file` would accept it, if it was compiled
 * for names as long): known element types, whole blocks, exact byte counts, unique names, offsets that add up.
 */
import { named, PlannerError, shown, wrongValue } from '../errors.js';
import { elementTypeOfGguf, NEXT_GGUF_TYPE } from '../tensor/element-type.js';
import { byteLength, contiguousStrides } from '../tensor/layout.js';
import { shape } from '../dialects/ggml/shape.js';
import { alignUp, checkAlignment, checkBytes } from '../units.js';
import { parseHeader, type ParsedTensor } from './parse-header.js';
import { openRangeSource, partsOf, type GgufSource } from './range-source.js';
import type { Gguf, GgufTensor } from './types.js';

/** The longest name that a program accepts: stable-diffusion.cpp's limit. llama.cpp knows no tensor of more than 63 bytes. */
const MAX_NAME_BYTES = 159;
const utf8 = new TextEncoder();

/**
 * Reads the header of a GGUF file. A model in several parts is read as one: from the name of any part
 * (`…-00001-of-00003.gguf`), or from a list of all of them.
 *
 * @param source a local path, an http(s) URL, a `Blob` or `File`, or bytes that hold at least the header
 * @throws PlannerError `BAD_GGUF`, `UNKNOWN_TYPE`, `BAD_SHAPE`, `BYTES_TOO_LARGE`, naming the tensor or key
 *
 * @example
 * ```ts
 * import { readGguf } from 'tensor-arena/gguf';
 * const gguf = await readGguf('examples/phi-3-mini-4k.gguf');
 * console.log(gguf.metadata['general.architecture'], gguf.tensors.length);
 * ```
 */
export async function readGguf(source: GgufSource | readonly GgufSource[]): Promise<Gguf> {
  const parts: Gguf[] = [];
  for (const part of isList(source) ? source : partsOf(source)) parts.push(await readPart(part));
  parts.sort((a, b) => partNumber(a) - partNumber(b));
  const [first] = parts;
  if (first === undefined)
    throw badGguf(
      'The list of parts is empty.',
      'list of parts',
      'empty',
      'one source at least',
      'Give at least one source.',
    );
  const partCount = integerOf(first.metadata, 'split.count', 1) || 1;
  if (parts.length !== partCount || parts.some((part, index) => partNumber(part) !== index)) {
    const found = parts.map((part) => partNumber(part) + 1).join(', ');
    throw new PlannerError('BAD_GGUF', {
      message: `${named(first.name)}: split.count is ${partCount}, but ${listOfParts(parts)}.`,
      culprit: `${first.name}: split.count`,
      value: `${partCount}, with parts ${found}`,
      limit: 'the number of parts that are given',
      remedy: 'Give a list of all parts, or one part by a name such as …-00001-of-00003.gguf, next to all others.',
    });
  }
  const tensors = parts.flatMap(({ tensors }, part) =>
    part === 0 ? tensors : tensors.map((tensor) => ({ ...tensor, part })),
  );
  requireUniqueNames(tensors);
  return { ...first, tensors };
}

async function readPart(source: GgufSource): Promise<Gguf> {
  const { name, metadata, types, tensors } = await parseHeader(openRangeSource(source));
  const alignment = checkAlignment(integerOf(metadata, 'general.alignment', 32), 'general.alignment');
  let offset = 0;
  const checked = tensors.map((parsed) => {
    const tensor = checkTensor(parsed);
    if (parsed.offset !== BigInt(offset)) {
      const [found, limit] = [`at offset ${parsed.offset}`, `at offset ${offset}`];
      throw badGguf(
        `${named(tensor.name)} is ${found}, but must be ${limit}, after what comes before it.`,
        tensor.name,
        found,
        limit,
      );
    }
    offset = checkBytes(offset + alignUp(tensor.bytes, alignment), tensor.name);
    return tensor;
  });
  return { name, metadata, types, tensors: checked };
}

function isList(source: GgufSource | readonly GgufSource[]): source is readonly GgufSource[] {
  return Array.isArray(source);
}

/** Index among the parts of a model, from 0. */
function partNumber({ metadata }: Gguf): number {
  return integerOf(metadata, 'split.no', 0);
}

/** A number in the metadata that reading the file depends on. */
function integerOf(metadata: Gguf['metadata'], key: string, fallback: number): number {
  const { [key]: value = fallback } = metadata;
  if (Number.isSafeInteger(value)) return value as number;
  throw wrongValue('BAD_GGUF', { culprit: key, value, limit: 'an integer', remedy: DAMAGED });
}

function requireUniqueNames(tensors: readonly GgufTensor[]): void {
  const names = new Set<string>();
  for (const { name } of tensors) {
    if (names.has(name)) throw badGguf(`${named(name)} is listed twice.`, name, 'listed twice', 'listed once');
    names.add(name);
  }
}

function checkTensor({ name, ne: dimensions, typeId }: ParsedTensor): GgufTensor {
  if (name === '') {
    const message = 'The tensor list has a tensor without a name.';
    throw badGguf(message, 'tensor list', 'a tensor without a name', 'names of at least one character');
  }
  if (utf8.encode(name).byteLength > MAX_NAME_BYTES) {
    const limit = `at most ${MAX_NAME_BYTES} bytes`;
    throw badGguf(
      `The name ${shown(name)} is too long for a tensor: ${limit} are allowed.`,
      name,
      'too long a name',
      limit,
    );
  }
  const type = elementTypeOfGguf(typeId);
  if (type === undefined) throw unknownType(name, typeId);
  const ne = shape(dimensions.length === 0 ? [1] : dimensions, name);
  const strides = contiguousStrides(type, ne, name);
  return { name, type, ne, bytes: byteLength({ type, shape: ne, strides }, name) };
}

/**
 * The error for an unknown type. Types that ggml has dropped keep their numbers; numbers above ggml's last type belong
 * to later releases.
 */
function unknownType(culprit: string, typeId: number): PlannerError {
  const isGone = typeId < NEXT_GGUF_TYPE;
  return new PlannerError('UNKNOWN_TYPE', {
    message: `${named(culprit)} has GGUF type ${typeId}, which ${isGone ? 'ggml has dropped' : 'this library does not know'}.`,
    culprit,
    value: `GGUF type ${typeId}`,
    limit: 'a type that ggml has',
    remedy: isGone
      ? 'Convert the model again with a current converter.'
      : 'Update the library, if the file is newer; otherwise the file is damaged: download it again.',
  });
}

function listOfParts(parts: readonly Gguf[]): string {
  const numbers = parts.map((part) => partNumber(part) + 1).join(', ');
  return parts.length === 1 ? `only part ${numbers} is given` : `parts ${numbers} are given`;
}

const DAMAGED = 'The file is damaged: download or convert it again.';

function badGguf(message: string, culprit: string, value: string, limit: string, remedy = DAMAGED): PlannerError {
  return new PlannerError('BAD_GGUF', { message, culprit, value, limit, remedy });
}

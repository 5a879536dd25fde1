/**
 * The one place that knows `@huggingface/gguf`: bytes in, its parse result as plain data out.
 *
 * Invariant: time and memory stay bounded whatever the file says. The library limits counts and string lengths, but
 * fills what it lacks with zeros; so reading past the end, and a header that ends past the end, are errors here.
 */
import { gguf } from '@huggingface/gguf';
import { PlannerError } from '../errors.js';
import type { GgufValue } from './gguf.js';
import type { RangeSource } from './range-source.js';

/** A tensor as the file lists it, unchecked. */
export interface ParsedTensor {
  readonly name: string;
  readonly ne: readonly number[];
  readonly typeId: number;
  readonly offset: bigint;
}

export interface ParsedHeader {
  readonly name: string;
  readonly metadata: Readonly<Record<string, GgufValue>>;
  readonly tensors: readonly ParsedTensor[];
}

/** Keys that the library adds to the file's own. */
const ADDED_KEYS = new Set(['version', 'tensor_count', 'kv_count']);

/** The library makes room for so many bytes. */
const MAX_HEADER_BYTES = 50_000_000;
const WHOLE_HEADER = 'a GGUF file of version 1 to 3 with a complete header';

/** @throws PlannerError `BAD_GGUF` */
export async function parseHeader(source: RangeSource): Promise<ParsedHeader> {
  const bytes = new LibraryFetch(source);
  const parsed = await gguf('http://localhost/', { fetch: bytes.fetch }).catch((error: unknown) => {
    throw error instanceof PlannerError ? error : damaged(source.name, (error as Error).message, WHOLE_HEADER);
  });
  if (parsed.tensorInfoByteRange[1] > bytes.readBytes) throw bytes.truncated();
  requireDistinctKeys(source.name, parsed.metadata);
  const metadata = Object.create(null) as Record<string, GgufValue>;
  for (const [key, value] of Object.entries(parsed.metadata)) {
    if (!ADDED_KEYS.has(key)) metadata[key] = plain(value as GgufValue);
  }
  return {
    name: source.name,
    metadata,
    tensors: parsed.tensorInfos.map(({ name, shape, dtype, offset }) => ({
      name,
      ne: shape.map(Number),
      typeId: dtype,
      offset,
    })),
  };
}

/** Of a key that is there twice, the library keeps the last value; the number of entries tells. */
function requireDistinctKeys(name: string, metadata: object & { readonly kv_count: bigint }): void {
  const keyCount = Object.keys(metadata).length - ADDED_KEYS.size;
  if (BigInt(keyCount) === metadata.kv_count) return;
  throw damaged(`${name}: metadata`, `${metadata.kv_count} entries with ${keyCount} keys`, 'one entry for each key');
}

/** A `fetch` for the library, over any source. It asks for one range after the other from the start. */
class LibraryFetch {
  /** How many bytes from the start have been read. */
  readBytes = 0;
  readonly #source: RangeSource;

  constructor(source: RangeSource) {
    this.#source = source;
  }

  readonly fetch = async (_uri: unknown, init?: RequestInit): Promise<Response> => {
    const range = /^bytes=(\d+)-(\d+)$/.exec((init?.headers as Record<string, string>)['Range'] ?? '');
    const start = Number(range?.[1]);
    if (start >= MAX_HEADER_BYTES) throw this.#tooLong();
    const bytes = await this.#source.read(start, Number(range?.[2]) + 1);
    if (bytes.byteLength === 0) throw this.truncated();
    this.readBytes = start + bytes.byteLength;
    // Only these two members are used; a real Response would cost Node tens of milliseconds to load.
    const buffer = bytes.slice().buffer;
    return { headers: { get: () => null }, arrayBuffer: () => Promise.resolve(buffer) } as unknown as Response;
  };

  truncated(): PlannerError {
    return damaged(this.#source.name, `cut off after ${this.readBytes} bytes, before its header ends`, WHOLE_HEADER);
  }

  #tooLong(): PlannerError {
    return damaged(this.#source.name, `longer than ${MAX_HEADER_BYTES} bytes`, 'a file whose header is shorter');
  }
}

/** Numbers instead of bigints where they are exact. */
function plain(value: GgufValue): GgufValue {
  if (typeof value === 'bigint') return BigInt.asIntN(54, value) === value ? Number(value) : value;
  if (Array.isArray(value) && typeof value[0] !== 'string') return (value as readonly GgufValue[]).map(plain);
  return value;
}

function damaged(culprit: string, value: string, limit: string): PlannerError {
  return new PlannerError('BAD_GGUF', {
    culprit,
    value,
    limit,
    remedy: 'Download or convert the file again; the header alone is enough, but it must be whole.',
  });
}

/**
 * The only module that uses `@huggingface/gguf`: parses a header into plain data.
 *
 * Invariant: the parser sees only headers whose structure has passed the scan. So time and memory stay bounded for
 * every file, and no missing byte is filled with a zero.
 */
import { gguf } from '@huggingface/gguf';
import type { GgufValue, GgufValueType } from './types.js';
import { named } from '../errors.js';
import { damagedHeader } from './header-bytes.js';
import { scanHeader } from './header-scan.js';
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
  readonly types: Readonly<Record<string, GgufValueType>>;
  readonly tensors: readonly ParsedTensor[];
}

/** @throws PlannerError `BAD_GGUF` */
export async function parseHeader(source: RangeSource): Promise<ParsedHeader> {
  const { name } = source;
  const { bytes, types } = await scanHeader(source);
  const parsed = await gguf('http://localhost/', { fetch: fetchFrom(bytes) }).catch((error: unknown) => {
    const { message } = error as Error;
    throw damagedHeader(
      `${named(name)} has a header that cannot be read: ${message}.`,
      name,
      message,
      'a file with a complete header',
    );
  });
  const metadata = Object.create(null) as Record<string, GgufValue>;
  for (const [key, value] of Object.entries(parsed.metadata)) {
    // The parser adds some keys of its own.
    if (key in types) metadata[key] = plain(value as GgufValue);
  }
  return {
    name,
    metadata,
    types,
    tensors: parsed.tensorInfos.map(({ name, shape, dtype, offset }) => ({
      name,
      ne: shape.map(Number),
      typeId: dtype,
      offset,
    })),
  };
}

/** A `fetch` for the parser, which asks for one range after another from the start. */
function fetchFrom(bytes: Uint8Array): typeof fetch {
  return (_uri: unknown, init?: RequestInit): Promise<Response> => {
    const range = /^bytes=(\d+)-(\d+)$/.exec((init?.headers as Record<string, string>)['Range'] ?? '');
    const { buffer } = bytes.slice(Number(range?.[1]), Number(range?.[2]) + 1);
    // Only these two members are used; a real Response would cost Node tens of milliseconds to load.
    const response = { headers: { get: () => null }, arrayBuffer: () => Promise.resolve(buffer) };
    return Promise.resolve(response as unknown as Response);
  };
}

/** Numbers instead of bigints where they are exact. */
function plain(value: GgufValue): GgufValue {
  if (typeof value === 'bigint') return BigInt.asIntN(54, value) === value ? Number(value) : value;
  if (Array.isArray(value) && typeof value[0] !== 'string') return (value as readonly GgufValue[]).map(plain);
  return value;
}

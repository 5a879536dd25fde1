/**
 * The memory of an arena: new buffers, or memory that the caller gives.
 *
 * Invariant: every chunk has bytes of its own, aligned as the plan asks.
 */
import { checkArgument, checkOptions, named, PlannerError, type OptionNames } from '../errors.js';
import { alignUp } from '../units.js';
import { BEYOND_ENGINE, checkBuffer, outOfMemory } from '../tensor/immediate-memory.js';

/** A `WebAssembly.Memory`, or what has its methods. */
export interface GrowableMemory {
  /** Its bytes; another object after it has grown. */
  readonly buffer: ArrayBufferLike;
  /** Makes it larger by so many pages of 65,536 bytes. Memories of 64-bit addresses take a bigint. */
  grow(pages: number): number | bigint;
}

/** Where the bytes of an arena come from. */
export interface ArenaMemory {
  /** Whether to make `SharedArrayBuffer`s, for workers. Default false. */
  readonly shared?: boolean;
  /** Memory to use instead of new buffers, for instance `memory.buffer` of a `WebAssembly.Memory`; one chunk only. */
  readonly buffer?: ArrayBufferLike;
  /** First byte to use in `buffer`; a multiple of the plan's alignment. Default 0. */
  readonly byteOffset?: number;
  /** Memory for each chunk, instead of `buffer`: as many as the plan has chunks. They may be parts of one buffer. */
  readonly buffers?: readonly ChunkMemory[];
  /**
   * A `WebAssembly.Memory` that all chunks lie in, one after another from `at` on. It grows if it is too small, and may grow
   * later: the arena finds its bytes again, while typed arrays that were taken before are empty then.
   */
  readonly memory?: GrowableMemory;
  /** First byte to use in `memory`; a multiple of the plan's alignment, which is enough for SIMD from 16 on. Default 0. */
  readonly at?: number;
}

/** Memory for one chunk. */
export interface ChunkMemory {
  /** At least as large as the chunk. */
  readonly buffer: ArrayBufferLike;
  /** First byte to use in `buffer`; a multiple of the plan's alignment. Default 0. */
  readonly byteOffset?: number;
}

const MEMORY_FIELDS: OptionNames<ArenaMemory> = {
  shared: true,
  buffer: true,
  byteOffset: true,
  buffers: true,
  memory: true,
  at: true,
};
const CHUNK_FIELDS: OptionNames<ChunkMemory> = { buffer: true, byteOffset: true };

/** The bytes of one chunk. */
export type Piece = Readonly<Required<ChunkMemory>>;

/** What a plan says of its chunks. */
interface Sizes {
  readonly chunks: readonly number[];
  readonly alignment: number;
}

function newPieces({ chunks }: Sizes, shared: boolean): Piece[] {
  const BufferType = shared ? SharedArrayBuffer : ArrayBuffer;
  return chunks.map((size, index) => {
    try {
      return { buffer: new BufferType(size), byteOffset: 0 };
    } catch {
      const remedy = 'Plan smaller chunks with `maxChunkSize`, or a smaller graph.';
      throw outOfMemory(`chunk ${index}`, size, BEYOND_ENGINE, remedy);
    }
  });
}

/** The memory of each chunk. @throws PlannerError `OUT_OF_MEMORY`, `BAD_ARGUMENT` */
export function piecesOf(plan: Sizes, memory: ArenaMemory): Piece[] {
  // A buffer passes for options without a field: the arena would silently not use it.
  const isMemory = /^\[object ((Shared)?ArrayBuffer|WebAssembly\.Memory)\]$/.test(
    Object.prototype.toString.call(memory),
  );
  checkArgument(!isMemory, 'memory', memory, 'an object such as { buffer }', 'Give the buffer as { buffer }.');
  checkOptions(memory, MEMORY_FIELDS, 'memory');
  const { shared = false, buffer, byteOffset = 0, buffers } = memory;
  const { chunks } = plan;
  if (memory.memory !== undefined) {
    checkAlone(memory, 'memory', ['shared', 'buffer', 'byteOffset', 'buffers']);
    return piecesWithin(plan, memory.memory, memory.at ?? 0);
  }
  checkArgument(
    memory.at === undefined,
    'at',
    memory.at,
    'left out without `memory`',
    'Give the memory, or `byteOffset`.',
  );
  if (buffers === undefined) {
    if (buffer === undefined) return newPieces(plan, shared);
    checkBuffer(buffer);
    checkCount(chunks.length, 1, 'one buffer holds only one', 'Plan without `maxChunkSize`, or give `buffers`.');
    return [pieceOf(plan, 0, { buffer, byteOffset }, '')];
  }
  checkAlone(memory, 'buffers', ['buffer', 'byteOffset']);
  const isList: boolean = Array.isArray(buffers);
  checkArgument(isList, 'buffers', buffers, 'a list', 'Give `{ buffer, byteOffset }` for each chunk of the plan.');
  checkCount(
    chunks.length,
    buffers.length,
    `\`buffers\` has ${buffers.length === 1 ? '1 entry' : `${buffers.length} entries`}`,
    'Give one entry per chunk.',
  );
  const pieces = buffers.map((memory, chunk) => {
    checkOptions(memory, CHUNK_FIELDS, `buffers[${chunk}]`);
    checkBuffer(memory.buffer);
    return pieceOf(plan, chunk, memory, `buffers[${chunk}].`);
  });
  checkApart(pieces, chunks);
  return pieces;
}

/** One way to give memory excludes the others. */
function checkAlone(memory: ArenaMemory, name: keyof ArenaMemory, others: readonly (keyof ArenaMemory)[]): void {
  const given = others.filter((other) => memory[other] !== undefined);
  if (given.length === 0) return;
  const [beside] = given;
  throw new PlannerError('BAD_ARGUMENT', {
    message: `${named(name)} is given beside ${named(beside)}, but must be given without it.`,
    culprit: name,
    value: `given beside ${beside}`,
    limit: `given without ${others.join(', ')}`,
    remedy: 'Give one of the two.',
  });
}

const PAGE_BYTES = 65_536;

/** The chunks one after another in a memory, which grows if it must. Its buffer is asked for at every use. */
function piecesWithin({ chunks, alignment }: Sizes, memory: GrowableMemory, at: number): Piece[] {
  checkMemory(memory);
  const isPlace = Number.isSafeInteger(at) && at >= 0 && at % alignment === 0;
  checkArgument(isPlace, 'at', at, `a multiple of ${alignment}, the plan's alignment`, 'Round it up.');
  let end = at;
  const pieces = chunks.map((size) => {
    const byteOffset = end;
    end = alignUp(end + size, alignment);
    return {
      byteOffset,
      get buffer() {
        return memory.buffer;
      },
    };
  });
  const missing = end - memory.buffer.byteLength;
  if (missing > 0) growBy(memory, Math.ceil(missing / PAGE_BYTES), end);
  return pieces;
}

function checkMemory(memory: Partial<GrowableMemory> | null): void {
  const isMemory = typeof memory === 'object' && memory !== null && typeof memory.grow === 'function';
  checkArgument(isMemory, 'memory', memory, 'a WebAssembly.Memory', 'Give bytes that do not grow as `buffer`.');
  checkBuffer(memory.buffer);
}

function growBy(memory: GrowableMemory, pages: number, end: number): void {
  const before = memory.buffer.byteLength;
  try {
    grow(memory, pages);
  } catch {
    const limit = `what the memory may grow to, from ${before} bytes`;
    throw outOfMemory(
      'the arena',
      end,
      { limit, reason: 'the memory cannot grow to that' },
      'Make the memory with a larger maximum.',
    );
  }
}

/** Memories of 64-bit addresses refuse numbers. */
function grow(memory: GrowableMemory, pages: number): void {
  try {
    memory.grow(pages);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    (memory as unknown as { grow(pages: bigint): bigint }).grow(BigInt(pages));
  }
}

function checkCount(chunks: number, count: number, what: string, remedy: string): void {
  if (chunks === count) return;
  const message = `There ${chunks === 1 ? 'is 1 chunk' : `are ${chunks} chunks`} of the plan, but ${what}.`;
  throw new PlannerError('BAD_ARGUMENT', {
    message,
    culprit: 'chunks of the plan',
    value: chunks,
    limit: String(count),
    remedy,
  });
}

function pieceOf(
  { chunks, alignment }: Sizes,
  chunk: number,
  { buffer, byteOffset = 0 }: ChunkMemory,
  field: string,
): Piece {
  const isOffset = Number.isSafeInteger(byteOffset) && byteOffset >= 0 && byteOffset % alignment === 0;
  checkArgument(
    isOffset,
    `${field}byteOffset`,
    byteOffset,
    `a multiple of ${alignment}, the plan's alignment`,
    'Round it up.',
  );
  const available = buffer.byteLength - byteOffset;
  if (available < chunks[chunk]) {
    throw outOfMemory(
      chunks.length === 1 ? 'the arena' : `chunk ${chunk}`,
      chunks[chunk],
      {
        limit: `at most ${available}, what the given buffer has from byte ${byteOffset}`,
        reason: `the given buffer has ${available} from byte ${byteOffset}`,
      },
      'Give a larger buffer; grow a WebAssembly.Memory, and take its new buffer.',
    );
  }
  return { buffer, byteOffset };
}

/** Checks that no two chunks have bytes of one buffer in common: all chunks are used at the same time. */
function checkApart(pieces: readonly Piece[], chunks: readonly number[]): void {
  const order = [...pieces.keys()].sort((a, b) => pieces[a].byteOffset - pieces[b].byteOffset);
  const lastIn = new Map<ArrayBufferLike, number>();
  for (const chunk of order) {
    const { buffer, byteOffset } = pieces[chunk];
    const before = lastIn.get(buffer);
    lastIn.set(buffer, chunk);
    if (before === undefined || pieces[before].byteOffset + chunks[before] <= byteOffset) continue;
    const end = pieces[before].byteOffset + chunks[before];
    const culprit = `buffers[${chunk}].byteOffset`;
    throw new PlannerError('BAD_ARGUMENT', {
      message: `${named(culprit)} is ${byteOffset}, but chunk ${before} ends at byte ${end} of the same buffer.`,
      culprit,
      value: byteOffset,
      limit: `at least ${end}`,
      remedy: 'Give each chunk bytes of its own.',
    });
  }
}

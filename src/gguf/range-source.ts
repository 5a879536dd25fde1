/**
 * Where the bytes of a model file come from: memory, a `Blob`, an HTTP server or a local file, all read in ranges.
 *
 * Invariant: no more than the asked range is kept, even if a server sends more. The file system is looked up at run
 * time, since an import would break bundles for browsers.
 */
import { checkArgument, named, PlannerError, type ErrorCode } from '../errors.js';

/** The used part of a `URL`; a program without the types of browsers and of Node has no type `URL`. */
export interface UrlLike {
  readonly href: string;
}

/** The used part of a `Blob` or `File`. */
export interface BlobLike {
  readonly name?: string;
  /** The bytes from `start` to `end` (exclusive), fewer at the end of the file. */
  slice(
    start: number,
    end: number,
  ): {
    /** Reads the bytes of the slice. */
    arrayBuffer(): Promise<ArrayBuffer>;
  };
}

/** A file as `readGguf` takes it: a path, a `URL`, a `Blob` or `File`, or the bytes themselves, shared or not. */
export type GgufSource = string | UrlLike | BlobLike | ArrayBufferLike | ArrayBufferView;

/** Random access to bytes. */
export interface RangeSource {
  /** Name of the file in errors. */
  readonly name: string;
  /** Bytes `[start, end)`; fewer, or none, at the end of the file. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** What is read: how messages call bytes without a name, and the code of the error if they cannot be read. */
export interface FileFormat {
  readonly dataName: string;
  readonly code: ErrorCode;
}

const GGUF: FileFormat = { dataName: 'GGUF data', code: 'BAD_GGUF' };

/** Opens any kind of source, without reading yet. Every failure of a later read is an error that names the source. */
export function openRangeSource(source: GgufSource, format = GGUF): RangeSource {
  const { name = format.dataName, read } = rangesOf(source);
  const reject = (error: unknown): never => rejectUnreadable(name, error, format.code);
  return { name, read: (start, end) => read(start, end).catch(reject) };
}

/** A source whose name may be unknown. */
type Ranges = Pick<RangeSource, 'read'> & { readonly name?: string | undefined };

function rangesOf(source: GgufSource): Ranges {
  if (ArrayBuffer.isView(source)) return fromBytes(new Uint8Array(source.buffer, source.byteOffset, source.byteLength));
  if (isBuffer(source)) return fromBytes(new Uint8Array(source));
  if (!isLocation(source)) return fromBlob(source);
  const location = locationOf(source);
  return /^https?:\/\//.test(location) ? fromUrl(location) : fromLocalFile(location);
}

function isLocation(source: GgufSource): source is string | UrlLike {
  return typeof source === 'string' || typeof (source as Partial<UrlLike> | null)?.href === 'string';
}

function locationOf(source: string | UrlLike): string {
  return typeof source === 'string' ? source : source.href;
}

/** All parts of the model that `source` is a part of by its name, `…-00001-of-00003.gguf`; else `source` alone. */
export function partsOf(source: GgufSource): GgufSource[] {
  if (!isLocation(source)) return [source];
  const match = /^(.*-)(\d{5})-of-(\d{5})(\.gguf(?:[?#].*)?)$/s.exec(locationOf(source));
  if (match === null) return [source];
  const [, before, own, count, after] = match;
  if (Number(own) < 1 || Number(own) > Number(count)) return [source];
  const number = (index: number): string => String(index + 1).padStart(5, '0');
  return Array.from({ length: Number(count) }, (_, index) => `${before}${number(index)}-of-${count}${after}`);
}

/** The last part of a path or URL. */
export function fileNameOf(location: string): string {
  return location.replace(/[?#].*$/, '').replace(/^.*[/\\]/, '') || location;
}

function fromBytes(all: Uint8Array): Ranges {
  return { read: (start, end) => Promise.resolve(all.subarray(start, end)) };
}

function isBuffer(source: unknown): source is ArrayBufferLike {
  return /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(source));
}

function fromBlob(blob: BlobLike): Ranges {
  const isBlob = typeof (blob as Partial<BlobLike> | null)?.slice === 'function';
  const limit = 'a path, a URL, a Blob or bytes';
  checkArgument(isBlob, 'source', blob, limit, 'Give the file in one of these ways; await what is a promise.');
  const { name } = blob as { name?: unknown };
  return {
    name: typeof name === 'string' ? name : undefined,
    read: async (start, end) => new Uint8Array(await blob.slice(start, end).arrayBuffer()),
  };
}

function fromUrl(url: string): RangeSource {
  const name = fileNameOf(url);
  return {
    name,
    read: async (start, end) => {
      const response = await fetch(url, { headers: { Range: `bytes=${start}-${end - 1}` } });
      if (response.status === 416) return new Uint8Array(0);
      if (!response.ok) {
        const { status } = response;
        const limit = 'a file that the server gives out';
        throw unreadable(`is not given out by its server: HTTP status ${status}`, name, `HTTP status ${status}`, limit);
      }
      const isRange = response.status === 206;
      const bytes = await readUpTo(response, isRange ? end - start : end);
      return isRange ? bytes : bytes.subarray(start);
    },
  };
}

/** The first `count` bytes of a body; a server that ignores ranges may send gigabytes more, which are refused. */
async function readUpTo(response: Response, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  const reader = response.body?.getReader();
  let length = 0;
  while (reader !== undefined && length < count) {
    const { done, value } = await reader.read();
    if (done) break;
    const part = value.subarray(0, count - length);
    bytes.set(part, length);
    length += part.byteLength;
  }
  await reader?.cancel();
  return bytes.subarray(0, length);
}

interface FileSystem {
  open(path: string | URL): Promise<{
    stat(): Promise<{ size: number; isFile(): boolean }>;
    read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
    close(): Promise<void>;
  }>;
}

/** Node's file system, or undefined in a browser. */
function fileSystem(): FileSystem | undefined {
  const host = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return host.process?.getBuiltinModule?.('fs/promises') as FileSystem | undefined;
}

function fromLocalFile(location: string): RangeSource {
  const name = fileNameOf(location);
  return {
    name,
    read: async (start, end) => {
      const fs = fileSystem();
      if (fs === undefined) {
        const limit = 'a URL, a File, a Blob or bytes in a browser';
        throw unreadable(`is a local path, but must be ${limit}`, name, 'a local path', limit);
      }
      const file = await fs.open(location.startsWith('file:') ? new URL(location) : location);
      try {
        const stat = await file.stat();
        if (!stat.isFile()) throw unreadable('is not a regular file', name, 'not a regular file', 'a file');
        const bytes = new Uint8Array(Math.max(0, Math.min(end, stat.size) - start));
        const { bytesRead } = await file.read(bytes, 0, bytes.byteLength, start);
        return bytes.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    },
  };
}

/** @throws PlannerError always: `error` itself if it is one of `code`, else one of `code` with the system's reason */
function rejectUnreadable(name: string, error: unknown, code: ErrorCode): never {
  if (error instanceof PlannerError) {
    if (error.code !== GGUF.code || error.code === code) throw error;
    const { culprit, value, limit, remedy, message } = error;
    throw new PlannerError(code, { culprit, value, limit, remedy, message: message.slice(0, -remedy.length - 1) });
  }
  const { cause } = error as Error;
  // The message of `fetch` only says that it failed; the reason is in the cause.
  const { code: system, message } = (cause instanceof Error ? cause : error) as Error & { readonly code?: unknown };
  const reason = Object.hasOwn(REASONS, String(system)) ? REASONS[String(system)] : withoutCode(message);
  throw unreadable(`cannot be read: ${reason}`, name, reason, 'an existing, readable file', code);
}

/** What codes of the system mean to a user. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of the path is not a folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a folder',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ENOTFOUND: 'there is no such server',
  EAI_AGAIN: 'its server was not found',
  ECONNREFUSED: 'its server takes no connections',
  ECONNRESET: 'its server has closed the connection',
  ETIMEDOUT: 'its server does not answer',
};

/** `EIO: i/o error, read` without what only programs read. */
function withoutCode(message: string): string {
  return message.replace(/^E[A-Z]+: /, '') || 'the system refuses it';
}

/** @param fault follows the file's name in the sentence */
function unreadable(
  fault: string,
  name: string,
  value: string,
  limit: string,
  code: ErrorCode = GGUF.code,
): PlannerError {
  const message = `${named(name)} ${fault}.`;
  return new PlannerError(code, { message, culprit: name, value, limit, remedy: 'Check the path or address.' });
}

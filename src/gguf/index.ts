/**
 * `tensor-arena/gguf`: reads GGUF headers. The only part of the library that uses another package; the build bundles
 * that package.
 *
 * @module tensor-arena/gguf
 */
export { readGguf } from './gguf.js';
export type { Gguf, GgufTensor, GgufValue, GgufValueType } from './types.js';
export type { BlobLike, GgufSource, UrlLike } from './range-source.js';

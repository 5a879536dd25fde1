/**
 * `tensor-arena/gguf`: reads GGUF headers. The only part of the library that uses another package, which the build bundles.
 *
 * @module tensor-arena/gguf
 */
export { readGguf, type Gguf, type GgufTensor, type GgufValue, type GgufValueType } from './gguf.js';
export type { BlobLike, GgufSource, UrlLike } from './range-source.js';

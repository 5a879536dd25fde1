/**
 * Recognises files that people take for a GGUF file, or get in its place, by their first bytes.
 *
 * Invariant: the guess only words a message; no decision depends on it.
 */

/** The kind of file that a file looks like, and the way to get a GGUF file. */
export interface ForeignFile {
  /** Completes "… looks like". */
  readonly what: string;
  readonly remedy: string;
}

const CONVERT = 'Convert it with convert_hf_to_gguf.py of llama.cpp, or download the model as GGUF.';
const NOT_WEIGHTS = 'Give the model itself.';
const UNPACK = 'Unpack it first.';

type Test = (start: string) => boolean;

/** Whether one of the texts is at a position. */
function at(position: number, ...texts: readonly string[]): Test {
  return (start) => texts.some((text) => start.startsWith(text, position));
}

const isOnnx: Test = (start) => start.startsWith('\x08') && start.startsWith('\x12', 2);
const isPage: Test = (start) => /^\s*<(!doctype|html|\?xml)/i.test(start);
const isJson: Test = (start) => /^\s*[{[]/.test(start);

/** The first bytes of a file, one character each, and what they mean. */
const LOOKS: readonly (readonly [test: Test, what: string, remedy: string])[] = [
  [at(4, '\0\0\0\0{'), 'a safetensors file', CONVERT],
  [at(0, 'PK\x03\x04'), 'a ZIP archive, as PyTorch and NumPy write them', CONVERT],
  [at(0, '\x80\x02', '\x80\x03', '\x80\x04'), 'a Python pickle, as PyTorch writes them', CONVERT],
  [at(0, '\x89HDF'), 'an HDF5 file, as Keras writes them', CONVERT],
  [at(4, 'TFL3'), 'a TensorFlow Lite model', CONVERT],
  [isOnnx, 'an ONNX model', CONVERT],
  [
    at(0, 'lmgg', 'fmgg', 'tjgg', 'algg'),
    'a GGML file from before GGUF',
    'Download or convert the model again, as GGUF.',
  ],
  [at(0, 'version https://git-lfs'), 'a pointer of Git LFS, not the file itself', 'Fetch the file with git lfs pull.'],
  [isPage, 'a web page', 'Download the file itself, not the page about it.'],
  [at(0, '\x1f\x8b'), 'a gzip archive', UNPACK],
  [at(0, '\x28\xb5\x2f\xfd'), 'a Zstandard archive', UNPACK],
  [at(0, '\0'.repeat(16)), 'zeros, as an unfinished download', 'Download it again.'],
  [isJson, 'JSON', NOT_WEIGHTS],
];

const LOOKED_AT = 64;

/** The kind of file that begins with `bytes`; `null` if the kind is not known. */
export function foreignFile(bytes: Uint8Array): ForeignFile | null {
  const start = String.fromCharCode(...bytes.subarray(0, LOOKED_AT));
  const look = LOOKS.find(([test]) => test(start));
  return look === undefined ? null : { what: look[1], remedy: look[2] };
}

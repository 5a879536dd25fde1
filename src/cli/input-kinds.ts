/**
 * Which kind of file a name stands for.
 */

/** What a file may hold. */
export type InputKind = 'graph' | 'problem' | 'model';

/** What the ending of a name says about the content. */
export const KINDS: readonly (readonly [ending: string, kind: InputKind])[] = [
  ['.gguf', 'model'],
  ['.onnx', 'graph'],
  ['.tflite', 'graph'],
  ['.json', 'graph'],
  ['.json.gz', 'graph'],
  ['.csv', 'problem'],
  ['.csv.gz', 'problem'],
];

/** The kind of file that a name stands for; `undefined` if its ending is none of ours. */
export function kindOf(file: string): InputKind | undefined {
  const name = (isUrl(file) ? file.replace(/[?#].*$/, '') : file).toLowerCase();
  return KINDS.find(([ending]) => name.endsWith(ending))?.[1];
}

/** Whether a name stands for an ONNX file. */
export function isOnnx(file: string): boolean {
  return nameOf(file).endsWith('.onnx');
}

/** Whether a name stands for a TFLite file. */
export function isTflite(file: string): boolean {
  return nameOf(file).endsWith('.tflite');
}

/** The part of a name that says its kind, in lower case. */
function nameOf(file: string): string {
  return (isUrl(file) ? file.replace(/[?#].*$/, '') : file).toLowerCase();
}

/** Whether the content of a file with this name is compressed by gzip. */
export function isCompressed(file: string): boolean {
  return /\.gz$/i.test(file);
}

/** Whether a name is an address of the web. */
export function isUrl(file: string): boolean {
  return /^https?:\/\//i.test(file);
}

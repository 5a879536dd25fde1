/**
 * The files that come with the page.
 */
export type Kind = 'model' | 'graph' | 'problem';

export interface Example {
  /** Also its name in links: keep it. */
  readonly file: string;
  readonly label: string;
  readonly url: string;
}

const example = (file: string, label: string, url: URL): Example => ({ file, label, url: url.href });

export const EXAMPLES: readonly Example[] = [
  example('phi-3-mini-4k.gguf', 'Phi-3 mini 4k (model)', new URL('../examples/phi-3-mini-4k.gguf', import.meta.url)),
  example('llama-3.1-8b.gguf', 'Llama 3.1 8B (model)', new URL('../examples/llama-3.1-8b.gguf', import.meta.url)),
  example('mixtral-8x7b.gguf', 'Mixtral 8x7B (model)', new URL('../examples/mixtral-8x7b.gguf', import.meta.url)),
  example('attention.json', 'An attention block (graph)', new URL('../examples/attention.json', import.meta.url)),
  example('squeezenet.onnx', 'SqueezeNet (network)', new URL('../examples/squeezenet.onnx', import.meta.url)),
  example(
    'audio-preprocessor.tflite',
    'Audio for a keyword spotter (network)',
    new URL('../examples/audio-preprocessor.tflite', import.meta.url),
  ),
  example('problem.csv', 'Sixteen buffers (problem)', new URL('../examples/problem.csv', import.meta.url)),
];

/** How the names of files end that the page opens. */
export const ENDINGS = '.gguf, .onnx, .tflite, .json, .csv, .json.gz or .csv.gz';

/** What the ending of a name says about the content; `undefined` if it is none of ours. */
export function kindOf(name: string): Kind | undefined {
  const ending = /\.(?:(gguf|onnx|tflite)|(json|csv)(?:\.gz)?)$/i.exec(name)?.slice(1).join('').toLowerCase();
  if (ending === 'gguf') return 'model';
  if (ending === 'csv') return 'problem';
  return ending === undefined ? undefined : 'graph';
}

/**
 * From a chosen file to what is in it: the header of a model, a network, a graph or a placement problem.
 *
 * Invariant: whatever the file holds, the result is usable or an error says why not.
 */
import { graphFromJson, parseProblemCsv, PlannerError, type CsvProblem, type Graph } from 'tensor-arena';
import { readGguf, type Gguf } from 'tensor-arena/gguf';
import type { Source } from '../messages.js';
import { readNetwork, type Network } from './network.js';

export type Input =
  | { readonly kind: 'model'; readonly gguf: Gguf }
  | { readonly kind: 'graph'; readonly graph: Graph }
  | { readonly kind: 'network'; readonly network: Network }
  | { readonly kind: 'problem'; readonly csv: CsvProblem };

/** Text above this would fill the memory of a browser tab. */
const MOST_TEXT_BYTES = 256 * 2 ** 20;

/** @throws PlannerError, Error */
export async function readSource({ name, kind, content }: Source): Promise<Input> {
  const files = typeof content === 'string' ? [await fetchFile(content, name)] : content;
  for (const file of files) if (file.size === 0) throw new Error(`${file.name} is empty.`);
  if (kind === 'model') return { kind, gguf: await readModel(files) };
  if (/\.(onnx|tflite)$/i.test(name)) return { kind: 'network', network: await readNetwork(files[0]) };
  const text = await readText(files[0], name);
  if (kind === 'problem') return { kind, csv: parseProblemCsv(text) };
  return { kind, graph: graphFromJson(parseJson(text, name)) };
}

/** The text of a file, unpacked if its name ends in .gz; no more of it is read than a tab can hold. */
async function readText(file: File, name: string): Promise<string> {
  const isPacked = /\.gz$/i.test(name);
  const stream: ReadableStream<Uint8Array> = isPacked
    ? file.stream().pipeThrough(new DecompressionStream('gzip'))
    : file.stream();
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let text = '';
  let left = MOST_TEXT_BYTES;
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw new Error(`${name} cannot be unpacked: it is damaged, or not packed by gzip.`, { cause: error });
    });
    if (done) return text + decoder.decode();
    left -= value.byteLength;
    if (left < 0) {
      await reader.cancel();
      throw new Error(`${name} is larger than 256 MiB${isPacked ? ', unpacked' : ''}: use the command tensor-arena.`);
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** The header of a model from its file, or from those of all its parts, in any order. */
async function readModel(files: readonly File[]): Promise<Gguf> {
  try {
    return await readGguf(files);
  } catch (error) {
    if (!(error instanceof PlannerError && error.culprit.endsWith(': split.count'))) throw error;
    const given =
      files.length === 1 ? `${files[0].name} is one part of a model` : 'These are not the parts of one model';
    throw new Error(`${given}: choose or drop all its parts together, each once.`, { cause: error });
  }
}

async function fetchFile(url: string, name: string): Promise<File> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${name} is not there: HTTP status ${response.status}.`);
  return new File([await response.blob()], name);
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${name} is not valid JSON: ${(error as Error).message}`, { cause: error });
  }
}

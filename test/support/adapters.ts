/**
 * LoRA adapters as GGUF headers, for the weights of a model.
 */
import type { Gguf, GgufTensor } from '../../src/gguf/types.js';
import { readGguf } from '../../src/gguf/gguf.js';
import type { ElementTypeName } from '../../src/tensor/element-type.js';
import { metadataOf, writeGguf, type WrittenTensor } from './gguf-writer.js';

/** What is special about an adapter. */
export interface AdapterRecipe {
  /** Which weights it changes. Default: all matrices of layers. */
  readonly of?: RegExp;
  /** Default 8. */
  readonly rank?: number;
  /** Default: none. */
  readonly alpha?: number;
  /** Default f16. */
  readonly type?: ElementTypeName;
  /** Metadata and tensors that take the place of those that belong there. */
  readonly metadata?: Readonly<Record<string, string | number>>;
  readonly tensors?: readonly WrittenTensor[];
}

const MATRICES = /^blk\.\d+\.(attn|ffn|ssm)_(?!.*norm)[a-z_]+\.weight$/;

/** The bytes of an adapter's header. */
export function writeAdapter(model: Gguf, recipe: AdapterRecipe = {}): Uint8Array {
  const { of = MATRICES, rank = 8, alpha, type = 'f16', tensors } = recipe;
  const metadata = metadataOf({
    'general.type': 'adapter',
    'general.architecture': String(model.metadata['general.architecture']),
    'adapter.type': 'lora',
    ...(alpha === undefined ? {} : { 'adapter.lora.alpha': alpha }),
    ...recipe.metadata,
  });
  const matrices = model.tensors.filter(({ name, ne }) => of.test(name) && ne[1] > 1);
  return writeGguf({ metadata, tensors: tensors ?? matrices.flatMap((matrix) => pairOf(matrix, rank, type)) });
}

/** An adapter's header, read. */
export function adapterFor(model: Gguf, recipe: AdapterRecipe = {}): Promise<Gguf> {
  return readGguf(writeAdapter(model, recipe));
}

function pairOf({ name, ne }: GgufTensor, rank: number, type: ElementTypeName): WrittenTensor[] {
  const [rows, columns, ...experts] = ne.filter((length, dim) => dim < 2 || length > 1);
  const [a, b] =
    name === 'token_embd.weight'
      ? [
          [rank, columns],
          [rank, rows],
        ]
      : [
          [rows, rank],
          [rank, columns],
        ];
  return [
    { name: `${name}.lora_a`, type, ne: [...a, ...experts] },
    { name: `${name}.lora_b`, type, ne: [...b, ...experts] },
  ];
}

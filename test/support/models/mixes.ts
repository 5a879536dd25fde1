/**
 * The types that llama.cpp's quantising tool gives to the matrices of a model, and the order of tensors in its files.
 */
import { elementType, type ElementTypeName } from '../../../src/tensor/element-type.js';
import type { RecipeTensor } from './recipe.js';

/** A matrix of a model, as far as its type depends on it. */
export interface MixedTensor {
  /** Its name without the layer, such as `attn_v.weight`. */
  readonly kind: string;
  /** How many of its kind lie before it in the file. */
  readonly index: number;
  readonly rowLength: number;
  /** Layers of the model. */
  readonly layers: number;
  /** Whether the output weights are those of the embedding. */
  readonly isTied: boolean;
}

/** The type of each matrix. */
export type Mix = (tensor: MixedTensor) => ElementTypeName;

/** What stands for a type whose blocks do not fill a row. */
const FALLBACKS: Readonly<Partial<Record<ElementTypeName, ElementTypeName>>> = {
  q4_K: 'q5_0',
  q5_K: 'q5_1',
  q6_K: 'q8_0',
};

/** Types of the names `Q4_0`, `Q4_K_M` and so on: one for most matrices, `q6_K` for those that matter most. */
export const Q4_0 = mix('q4_0', () => false);
export const Q4_K_M = mix('q4_K', hasMoreBits);
export const Q5_K_M = mix('q5_K', hasMoreBits);

function mix(usual: ElementTypeName, isFine: (tensor: MixedTensor) => boolean): Mix {
  return (tensor) => {
    const type = isOutput(tensor) || isFine(tensor) ? 'q6_K' : usual;
    return tensor.rowLength % elementType(type).blockSize === 0 ? type : (FALLBACKS[type] ?? type);
  };
}

function isOutput({ kind, isTied }: MixedTensor): boolean {
  return kind === 'output.weight' || (isTied && kind === 'token_embd.weight');
}

const REFINED = ['attn_v.weight', 'ffn_down.weight', 'ffn_down_exps.weight'];

/** The first and the last eighth of what matters most, and every third between. */
function hasMoreBits({ kind, index, layers }: MixedTensor): boolean {
  const eighth = Math.floor(layers / 8);
  const isRefined = index < eighth || index >= Math.floor((7 * layers) / 8) || (index - eighth) % 3 === 2;
  return isRefined && REFINED.includes(kind);
}

/** Bytes of one part of a model as it is published, and of each of its numbers. */
const SHARD_BYTES = 5e9;
const NUMBER_BYTES = 2;

/**
 * The order of files that were quantised before the tool sorted tensors by layer: that of the parts that the model was
 * published in. The layers fill one part after the other; in each part, names are in the order of their letters.
 */
export function shardOrder(tensors: readonly RecipeTensor[]): RecipeTensor[] {
  const shards: RecipeTensor[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors.toSorted((a, b) => stateRank(a) - stateRank(b))) {
    const own = tensor.ne.reduce((product, length) => product * length, NUMBER_BYTES);
    if (bytes + own > SHARD_BYTES) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)!.push(tensor);
    bytes += own;
  }
  return shards.flatMap((shard) => shard.sort((a, b) => (publishedName(a) < publishedName(b) ? -1 : 1)));
}

/** The place of a tensor in a model that is about to be saved: embedding, layers with their norms last, output. */
function stateRank({ name, ne }: RecipeTensor): number {
  if (name.startsWith('output')) return Infinity;
  const layer = /^blk\.(\d+)\./.exec(name)?.[1];
  return layer === undefined ? -1 : Number(layer) + (ne.length === 1 ? 0.5 : 0);
}

/** A name that sorts as the published one does. */
function publishedName({ name }: RecipeTensor): string {
  const parts: Readonly<Record<string, string>> = { 'output.weight': 'lm_head', 'output_norm.weight': 'model.norm' };
  return parts[name] ?? name.replace(/^token_embd/, 'model.embed').replace(/^blk/, 'model.layers');
}

/**
 * The element type of each weight: from the header of a file, or from a type that weights are converted to.
 *
 * Behaviour as in stable-diffusion.cpp's `tensor_should_be_converted` and its names of tensors.
 */
import { named, PlannerError } from '../../errors.js';
import type { Gguf, GgufTensor } from '../../gguf/types.js';
import { elementType, type ElementTypeName } from '../../tensor/element-type.js';
import { elementCount } from '../../tensor/layout.js';
import type { TypeOfWeight } from './weights.js';

/** Parts of names whose tensors keep the type that they have in the file, f16. */
const KEPT = [
  ...['img_in.', 'txt_in.', 'time_in.', 'vector_in.', 'guidance_in.', 'final_layer.'],
  ...['x_embedder.', 't_embedder.', 'y_embedder.', 'pos_embed', 'context_embedder.'],
  ...['time_embed.', 'label_emb.', 'embedding'],
];

/** The types of an f16 file that is converted to `type` on loading. */
export function convertedTypes(type: ElementTypeName): TypeOfWeight {
  const { blockSize } = elementType(type);
  return (path, ne) => (ne[0] % blockSize !== 0 || KEPT.some((part) => path.includes(part)) ? 'f16' : type);
}

/** What names of a part begin with, in files of the whole model and of the part alone. */
const PREFIXES: readonly (readonly [part: RegExp, prefixes: readonly string[]])[] = [
  [/^clip-[lh]$/, ['cond_stage_model.transformer.text_model.', 'text_encoders.clip_l.transformer.text_model.']],
  [/^clip-g$/, ['cond_stage_model.1.transformer.text_model.', 'text_encoders.clip_g.transformer.text_model.']],
  [/^clip-[lgh]$/, ['text_model.']],
  [/^(um)?t5xxl$/, ['text_encoders.t5xxl.transformer.']],
  [/^clip-vision/, ['cond_stage_model.transformer.']],
  [/^vae$/, ['first_stage_model.', 'vae.']],
  [/^wan-high-noise$/, ['model.high_noise_diffusion_model.']],
  [/^(unet|mmdit|flux|wan)/, ['model.diffusion_model.']],
];

/** Names of T5's tensors in files that llama.cpp's converter wrote, and ours. */
const LLAMA_CPP_NAMES: readonly (readonly [ours: RegExp, theirs: string])[] = [
  [/^shared\./, 'token_embd.'],
  [/^encoder\.final_layer_norm\./, 'enc.output_norm.'],
  [/^encoder\.block\.(\d+)\.layer\.0\.SelfAttention\.([qkvo])\./, 'enc.blk.$1.attn_$2.'],
  [/^encoder\.block\.(\d+)\.layer\.0\.SelfAttention\.relative_attention_bias\./, 'enc.blk.$1.attn_rel_b.'],
  [/^encoder\.block\.(\d+)\.layer\.0\.layer_norm\./, 'enc.blk.$1.attn_norm.'],
  [/^encoder\.block\.(\d+)\.layer\.1\.layer_norm\./, 'enc.blk.$1.ffn_norm.'],
  [/^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wi_0\./, 'enc.blk.$1.ffn_gate.'],
  [/^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wi_1\./, 'enc.blk.$1.ffn_up.'],
  [/^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wo\./, 'enc.blk.$1.ffn_down.'],
];

/** The types of the tensors of a file, each of which has as many elements as its part needs. */
export function fileTypes(gguf: Gguf, part: string): TypeOfWeight {
  const byName = new Map(gguf.tensors.map((tensor) => [tensor.name, tensor]));
  const prefixes = ['', ...PREFIXES.flatMap(([parts, list]) => (parts.test(part) ? list : []))];
  return (path, ne) => {
    const tensor = findTensor(byName, path, prefixes);
    if (tensor === undefined) throw missingTensor(path, ne, part);
    const count = elementCount({ shape: ne });
    if (elementCount({ shape: tensor.ne }) !== count) throw otherShape(tensor, ne, part);
    return tensor.type.name;
  };
}

function findTensor(
  byName: ReadonlyMap<string, GgufTensor>,
  path: string,
  prefixes: readonly string[],
): GgufTensor | undefined {
  for (const prefix of prefixes) {
    const found = byName.get(prefix + path);
    if (found !== undefined) return found;
  }
  const rule = LLAMA_CPP_NAMES.find(([ours]) => ours.test(path));
  return rule === undefined ? undefined : byName.get(path.replace(...rule));
}

function missingTensor(path: string, ne: readonly number[], part: string): PlannerError {
  return new PlannerError('BAD_MODEL', {
    message: `${named(path)} is not in the file for ${named(part)}, which needs it in shape [${ne.join(', ')}].`,
    culprit: path,
    value: 'missing',
    limit: `there, of shape [${ne.join(', ')}]`,
    remedy: 'Name the model that the file is of, or give another file.',
  });
}

function otherShape({ name, ne }: GgufTensor, wanted: readonly number[], part: string): PlannerError {
  const [found, limit] = [`[${ne.join(', ')}]`, `[${wanted.join(', ')}]`];
  return new PlannerError('BAD_MODEL', {
    message: `${named(name)} has shape ${found}, but ${named(part)} needs as many elements as ${limit} has.`,
    culprit: name,
    value: `of shape ${found}`,
    limit,
    remedy: 'Name the model that the file is of, or give another file.',
  });
}

/**
 * Projectors of public models, by the numbers that their configurations give.
 */
import { joined, linear, norm, type Shapes, type Tower } from './tower.js';

/** Kernels of the two frames that an image of Qwen-VL stands for. */
export function frames(patch: number, length: number): Shapes {
  const kernel = [patch, patch, 3, length];
  return { 'v.patch_embd.weight': kernel, 'v.patch_embd.weight.1': kernel };
}

function qwen3Vl(size: Tower['size'], deep: readonly number[], output: number): Tower {
  const [length] = size;
  return {
    projector: 'qwen3vl_merger',
    size,
    patch: 16,
    image: 768,
    output,
    layer: 'jbn',
    metadata: { 'clip.use_gelu': true, 'clip.vision.spatial_merge_size': 2 },
    tensors: {
      ...frames(16, length),
      'v.patch_embd.bias': [length],
      'v.position_embd.weight': [length, 2304],
      ...norm('v.post_ln', length),
      ...joined(
        deep.map((layer) => ({
          ...norm(`v.deepstack.${layer}.norm`, 4 * length),
          ...linear(`v.deepstack.${layer}.fc1`, 4 * length, 4 * length),
          ...linear(`v.deepstack.${layer}.fc2`, 4 * length, output),
        })),
      ),
      ...linear('mm.0', 4 * length, 4 * length),
      ...linear('mm.2', 4 * length, output),
    },
  };
}

/** The kernel of patches, and a table of positions. */
export function patches(patch: number, length: number, positions: number, parts: 'b' | '' = 'b'): Shapes {
  return {
    'v.patch_embd.weight': [patch, patch, 3, length],
    ...(parts === 'b' ? { 'v.patch_embd.bias': [length] } : {}),
    ...(positions > 0 ? { 'v.position_embd.weight': [length, positions] } : {}),
  };
}

/** CLIP ViT-L/14 for images of 336 pixels, without its last layer as converters leave it. */
const CLIP_L: Pick<Tower, 'size' | 'patch' | 'image' | 'layer' | 'epsilon'> = {
  size: [1024, 16, 23, 4096],
  patch: 14,
  image: 336,
  layer: 'sbn',
  epsilon: 1e-5,
};

const CLIP_L_TENSORS: Shapes = {
  ...patches(14, 1024, 577, ''),
  'v.class_embd': [1024],
  ...norm('v.pre_ln', 1024),
};

/** The two blocks of MobileVLM's first projector. */
function mobileBlocks(length: number, inner: number): Shapes {
  return joined(
    [1, 2].map((block) => ({
      [`mm.model.mb_block.${block}.block.0.0.weight`]: [3, 3, 1, length],
      ...norm(`mm.model.mb_block.${block}.block.0.1`, length),
      ...linear(`mm.model.mb_block.${block}.block.1.fc1`, length, inner),
      ...linear(`mm.model.mb_block.${block}.block.1.fc2`, inner, length),
      [`mm.model.mb_block.${block}.block.2.0.weight`]: [length, length],
      ...norm(`mm.model.mb_block.${block}.block.2.1`, length),
    })),
  );
}

/** SigLIP of 400 million weights. */
export const SIGLIP = { size: [1152, 16, 27, 4304], patch: 14, layer: 'sbn', epsilon: 1e-6 } as const;

export const FIRST: Readonly<Record<string, readonly Tower[]>> = {
  'qwen2-vl-7b': [
    {
      projector: 'qwen2vl_merger',
      size: [1280, 16, 32, 5120],
      image: 560,
      output: 3584,
      layer: 'sbn',
      tensors: {
        ...frames(14, 1280),
        ...norm('v.post_ln', 1280),
        ...linear('mm.0', 5120, 5120),
        ...linear('mm.2', 5120, 3584),
      },
    },
  ],
  'qwen2.5-vl-7b': [
    {
      projector: 'qwen2.5vl_merger',
      size: [1280, 16, 32, 3420],
      image: 560,
      output: 3584,
      layer: 'sgb',
      metadata: { 'clip.use_silu': true, 'clip.vision.n_wa_pattern': 8 },
      tensors: {
        ...frames(14, 1280),
        'v.post_ln.weight': [1280],
        ...linear('mm.0', 5120, 5120),
        ...linear('mm.2', 5120, 3584),
      },
    },
  ],
  'qwen3-vl-4b': [qwen3Vl([1024, 16, 24, 4096], [5, 11, 17], 2560)],
  'qwen3-vl-8b': [qwen3Vl([1152, 16, 27, 4304], [8, 16, 24], 4096)],
  'gemma-3-4b': [
    {
      ...SIGLIP,
      projector: 'gemma3',
      image: 896,
      output: 2560,
      metadata: { 'clip.use_gelu': true },
      tensors: {
        ...patches(14, 1152, 4096),
        ...norm('v.post_ln', 1152),
        'mm.soft_emb_norm.weight': [1152],
        'mm.input_projection.weight': [2560, 1152],
      },
    },
  ],
  'smolvlm-500m': [
    {
      projector: 'idefics3',
      size: [768, 12, 12, 3072],
      patch: 16,
      image: 512,
      output: 960,
      layer: 'sbn',
      metadata: { 'clip.use_gelu': true, 'clip.vision.projector.scale_factor': 4 },
      tensors: {
        ...patches(16, 768, 1024),
        ...norm('v.post_ln', 768),
        'mm.model.fc.weight': [12288, 960],
      },
    },
  ],
  'lfm2-vl-1.6b': [
    {
      ...SIGLIP,
      projector: 'lfm2',
      patch: 16,
      image: 256,
      output: 2048,
      metadata: { 'clip.use_gelu': true, 'clip.vision.projector.scale_factor': 2 },
      tensors: {
        ...patches(16, 1152, 256),
        ...norm('v.post_ln', 1152),
        ...norm('mm.input_norm', 4608),
        ...linear('mm.1', 4608, 2048),
        ...linear('mm.2', 2048, 2048),
      },
    },
  ],
  'janus-pro-7b': [
    {
      projector: 'janus_pro',
      size: [1024, 16, 24, 4096],
      patch: 16,
      image: 384,
      output: 4096,
      layer: 'sbn',
      metadata: { 'clip.use_gelu': true },
      tensors: {
        ...patches(16, 1024, 576),
        ...norm('v.post_ln', 1024),
        ...linear('mm.0', 1024, 4096),
        ...linear('mm.1', 4096, 4096),
      },
    },
  ],
  'phi-4-vision': [
    {
      ...SIGLIP,
      projector: 'phi4',
      patch: 16,
      image: 384,
      output: 3072,
      metadata: {
        'clip.use_gelu': true,
        'clip.vision.image_min_pixels': 65536,
        'clip.vision.image_max_pixels': 1048576,
      },
      tensors: { ...patches(16, 1152, 256), ...linear('mm.0', 1152, 3072), ...linear('mm.2', 3072, 3072) },
    },
  ],
  'llava-1.5-7b': [
    {
      ...CLIP_L,
      projector: 'mlp',
      output: 768,
      tensors: { ...CLIP_L_TENSORS, ...linear('mm.0', 1024, 4096), ...linear('mm.2', 4096, 4096) },
    },
  ],
  'granite-vision-3.2-2b': [
    {
      ...SIGLIP,
      projector: 'mlp',
      image: 384,
      output: 2048,
      metadata: { 'clip.use_gelu': true, 'clip.vision.feature_layer': [3, 7, 15, 26] },
      tensors: {
        ...patches(14, 1152, 729),
        ...norm('v.post_ln', 1152),
        ...linear('mm.0', 4608, 2048),
        ...linear('mm.2', 2048, 2048),
      },
    },
  ],
  'yi-vl-6b': [
    {
      projector: 'mlp',
      size: [1280, 16, 31, 5120],
      image: 448,
      output: 4096,
      layer: 'sbn',
      metadata: { 'clip.use_gelu': true },
      tensors: {
        ...patches(14, 1280, 1025, ''),
        'v.class_embd': [1280],
        ...norm('v.pre_ln', 1280),
        ...linear('mm.0', 1280, 4096),
        ...norm('mm.1', 4096),
        ...linear('mm.3', 4096, 4096),
        ...norm('mm.4', 4096),
      },
    },
  ],
  'mobilevlm-1.7b': [
    {
      ...CLIP_L,
      projector: 'ldp',
      output: 768,
      tensors: {
        ...CLIP_L_TENSORS,
        ...linear('mm.model.mlp.1', 1024, 2048),
        ...linear('mm.model.mlp.3', 2048, 2048),
        ...mobileBlocks(2048, 512),
      },
    },
  ],
  'mobilevlm-v2-1.7b': [
    {
      ...CLIP_L,
      projector: 'ldpv2',
      output: 768,
      tensors: {
        ...CLIP_L_TENSORS,
        ...linear('mm.model.mlp.0', 1024, 2048),
        ...linear('mm.model.mlp.2', 2048, 2048),
        'mm.model.peg.0.weight': [3, 3, 1, 2048],
        'mm.model.peg.0.bias': [2048],
      },
    },
  ],
  'glm-edge-v-2b': [
    {
      ...SIGLIP,
      projector: 'adapter',
      image: 672,
      output: 2048,
      metadata: { 'clip.use_gelu': true },
      tensors: {
        ...patches(14, 1152, 2304),
        ...norm('v.post_ln', 1152),
        'adapter.conv.weight': [2, 2, 1152, 2048],
        'adapter.conv.bias': [2048],
        'adapter.linear.linear.weight': [2048, 2048],
        ...norm('adapter.linear.norm1', 2048),
        'adapter.linear.dense_h_to_4h.weight': [2048, 6144],
        'adapter.linear.gate.weight': [2048, 6144],
        'adapter.linear.dense_4h_to_h.weight': [6144, 2048],
        'adapter.boi': [2048],
        'adapter.eoi': [2048],
      },
    },
  ],
  'internvl3-8b': [
    {
      projector: 'internvl',
      size: [1024, 16, 24, 4096],
      image: 448,
      output: 3584,
      layer: 'sbn',
      inLayer: { 'ls1.weight': [1024], 'ls2.weight': [1024] },
      metadata: { 'clip.use_gelu': true, 'clip.vision.projector.scale_factor': 2 },
      tensors: {
        ...patches(14, 1024, 1025),
        'v.class_embd': [1024],
        ...norm('mm.model.mlp.0', 4096),
        ...linear('mm.model.mlp.1', 4096, 3584),
        ...linear('mm.model.mlp.3', 3584, 3584),
      },
    },
  ],
  'internvl3-38b': [
    {
      projector: 'internvl',
      size: [3200, 25, 45, 12800],
      image: 448,
      output: 5120,
      layer: 's',
      inLayer: {
        'ls1.weight': [3200],
        'ls2.weight': [3200],
        'attn_q_norm.weight': [3200],
        'attn_k_norm.weight': [3200],
        'attn_out.bias': [3200],
        'ffn_up.bias': [12800],
        'ffn_down.bias': [3200],
      },
      metadata: { 'clip.use_gelu': true, 'clip.vision.projector.scale_factor': 2 },
      tensors: {
        ...patches(14, 3200, 1025),
        'v.class_embd': [3200],
        ...norm('mm.model.mlp.0', 12800),
        ...linear('mm.model.mlp.1', 12800, 5120),
        ...linear('mm.model.mlp.3', 5120, 5120),
      },
    },
  ],
  'pixtral-12b': [
    {
      projector: 'pixtral',
      size: [1024, 16, 24, 4096],
      patch: 16,
      image: 1024,
      output: 5120,
      layer: 'sg',
      epsilon: 1e-5,
      metadata: { 'clip.use_silu': true },
      tensors: {
        ...patches(16, 1024, 0, ''),
        'v.pre_ln.weight': [1024],
        ...linear('mm.1', 1024, 5120),
        ...linear('mm.2', 5120, 5120),
        'v.token_embd.img_break': [5120],
      },
    },
  ],
  'mistral-small-3.1-24b': [
    {
      projector: 'pixtral',
      size: [1024, 16, 24, 4096],
      image: 1540,
      output: 5120,
      layer: 'sg',
      epsilon: 1e-5,
      metadata: { 'clip.use_silu': true, 'clip.vision.spatial_merge_size': 2 },
      tensors: {
        ...patches(14, 1024, 0, ''),
        'v.pre_ln.weight': [1024],
        'mm.input_norm.weight': [1024],
        'mm.patch_merger.weight': [4096, 1024],
        'mm.1.weight': [1024, 5120],
        'mm.2.weight': [5120, 5120],
        'v.token_embd.img_break': [5120],
      },
    },
  ],
  'lightonocr-1b': [
    {
      projector: 'lightonocr',
      size: [1024, 16, 24, 4096],
      image: 1540,
      output: 1024,
      layer: 'sg',
      epsilon: 1e-5,
      metadata: { 'clip.use_silu': true, 'clip.vision.spatial_merge_size': 2 },
      tensors: {
        ...patches(14, 1024, 0, ''),
        'v.pre_ln.weight': [1024],
        'mm.input_norm.weight': [1024],
        'mm.patch_merger.weight': [4096, 1024],
        'mm.1.weight': [1024, 1024],
        'mm.2.weight': [1024, 1024],
      },
    },
  ],
  'minicpm-v-2.6': [
    {
      ...SIGLIP,
      projector: 'resampler',
      image: 448,
      output: 0,
      metadata: { 'clip.use_gelu': true, 'clip.minicpmv_query_num': 64 },
      tensors: {
        ...patches(14, 1152, 4900),
        ...norm('v.post_ln', 1152),
        'resampler.pos_embed_k': [3584, 4900],
        'resampler.query': [3584, 64],
        'resampler.proj.weight': [3584, 3584],
        'resampler.kv.weight': [1152, 3584],
        ...linear('resampler.attn.q', 3584, 3584),
        ...linear('resampler.attn.k', 3584, 3584),
        ...linear('resampler.attn.v', 3584, 3584),
        ...linear('resampler.attn.out', 3584, 3584),
        ...norm('resampler.ln_q', 3584),
        ...norm('resampler.ln_kv', 3584),
        ...norm('resampler.ln_post', 3584),
      },
    },
  ],
};

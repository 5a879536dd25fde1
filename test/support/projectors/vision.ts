/**
 * Encoders of images of public models, by the numbers that their configurations give.
 */
import { joined, linear, norm, type Shapes, type Tower } from './tower.js';

/** Kernels of the two frames that an image of Qwen-VL stands for. */
function frames(patch: number, length: number): Shapes {
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
function patches(patch: number, length: number, positions: number, parts: 'b' | '' = 'b'): Shapes {
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
const SIGLIP = { size: [1152, 16, 27, 4304], patch: 14, layer: 'sbn', epsilon: 1e-6 } as const;

/** A kernel of one pixel, and its norm. */
function pointwise(part: string, from: number, to: number): Shapes {
  return { [`${part}.conv.weight`]: [1, 1, from, to], [`${part}.bn.weight`]: [to] };
}

/** A kernel for each plane, and its norm. */
function depthwise(part: string, side: number, length: number): Shapes {
  return { [`${part}.conv.weight`]: [side, side, 1, length], [`${part}.bn.weight`]: [length] };
}

function edge(block: string, from: number, inner: number, to: number): Shapes {
  return {
    [`${block}.conv_exp.weight`]: [3, 3, from, inner],
    [`${block}.bn1.weight`]: [inner],
    [`${block}.conv_pwl.weight`]: [1, 1, inner, to],
    [`${block}.bn2.weight`]: [to],
  };
}

/** @param sides of the kernels ahead of the expansion, and behind it; 0: none */
function inverted(block: string, [from, inner, to]: readonly number[], [first, middle]: readonly number[]): Shapes {
  return {
    ...(first > 0 ? depthwise(`${block}.dw_start`, first, from) : {}),
    ...pointwise(`${block}.pw_exp`, from, inner),
    ...(middle > 0 ? depthwise(`${block}.dw_mid`, middle, inner) : {}),
    ...pointwise(`${block}.pw_proj`, inner, to),
    ...(from === to ? { [`${block}.layer_scale.gamma`]: [1, 1, to] } : {}),
  };
}

function sharedAttention(block: string, length: number, heads: number, head: number, isSmaller: boolean): Shapes {
  const side = (part: string): Shapes => ({
    [`${block}.attn.${part}.proj.weight`]: [1, 1, length, head],
    ...(isSmaller
      ? {
          [`${block}.attn.${part}.down_conv.weight`]: [3, 3, 1, length],
          [`${block}.attn.${part}.norm.weight`]: [length],
        }
      : {}),
  });
  return {
    [`${block}.norm.weight`]: [length],
    [`${block}.attn.query.proj.weight`]: [1, 1, length, heads * head],
    ...side('key'),
    ...side('value'),
    [`${block}.attn.output.proj.weight`]: [1, 1, heads * head, length],
    [`${block}.layer_scale.gamma`]: [1, 1, length],
  };
}

/** MobileNet V5 with fewer blocks of each stage. */
const MOBILENET: Shapes = {
  'v.conv_stem.conv.weight': [3, 3, 3, 64],
  'v.conv_stem.conv.bias': [1, 1, 64],
  'v.conv_stem.bn.weight': [64],
  ...edge('v.blk.0.0', 64, 256, 128),
  ...edge('v.blk.0.1', 128, 512, 128),
  ...inverted('v.blk.1.0', [128, 768, 256], [3, 5]),
  ...inverted('v.blk.1.1', [256, 1024, 256], [5, 0]),
  ...inverted('v.blk.2.0', [256, 1536, 640], [5, 5]),
  ...sharedAttention('v.blk.2.1', 640, 12, 64, true),
  ...inverted('v.blk.2.2', [640, 1280, 640], [0, 0]),
  ...inverted('v.blk.3.0', [640, 3840, 1280], [5, 5]),
  ...sharedAttention('v.blk.3.1', 1280, 16, 96, false),
  ...inverted('v.blk.3.2', [1280, 2560, 1280], [0, 0]),
  ...pointwise('v.msfa.ffn.pw_exp', 1920, 3840),
  ...pointwise('v.msfa.ffn.pw_proj', 3840, 2048),
  'v.msfa.norm.weight': [2048],
};

/** A projector of Granite Vision, for windows of 8 × 8 patches and 4 × 4 queries. */
function windowProjector(part: string, length: number, output: number): Shapes {
  const attention = (kind: string): Shapes => ({
    ...joined(['q', 'k', 'v', 'out'].map((name) => linear(`${part}.${kind}_attn_${name}`, length, length))),
    ...norm(`${part}.${kind}_attn_norm`, length),
  });
  return {
    [`${part}.img_pos`]: [length, 64],
    [`${part}.query`]: [length, 16],
    ...linear(`${part}.linear`, length, output),
    ...norm(`${part}.norm`, length),
    ...norm(`${part}.post_norm`, length),
    ...attention('self'),
    ...attention('cross'),
    ...linear(`${part}.ffn_up`, length, 3072),
    ...linear(`${part}.ffn_down`, 3072, length),
    ...norm(`${part}.ffn_norm`, length),
  };
}

/** A stage of a ConvNeXt with two blocks; all but the first halve the image. */
function convNext(stage: number, length: number): Shapes {
  const part = `v.stage.${stage}`;
  const down = {
    ...norm(`${part}.down.ln`, length / 2),
    [`${part}.down.conv.weight`]: [2, 2, length / 2, length],
    [`${part}.down.conv.bias`]: [length],
  };
  const blocks = [0, 1].map((index) => ({
    [`${part}.blk.${index}.dw.weight`]: [7, 7, 1, length],
    [`${part}.blk.${index}.dw.bias`]: [length],
    ...norm(`${part}.blk.${index}.ln`, length),
    ...linear(`${part}.blk.${index}.pw1`, length, 4 * length),
    ...norm(`${part}.blk.${index}.grn`, 4 * length),
    ...linear(`${part}.blk.${index}.pw2`, 4 * length, length),
  }));
  return { ...(stage === 0 ? {} : down), ...joined(blocks) };
}

/** Segment Anything of twelve layers. */
const SAM: Shapes = {
  'v.sam.pos_embd.weight': [768, 64, 64],
  'v.sam.patch_embd.weight': [16, 16, 3, 768],
  'v.sam.patch_embd.bias': [768],
  ...joined(
    Array.from({ length: 12 }, (_, index) => {
      const block = `v.sam.blk.${index}`;
      const count = [2, 5, 8, 11].includes(index) ? 127 : 27;
      return {
        ...linear(`${block}.attn.qkv`, 768, 2304),
        ...linear(`${block}.attn.out`, 768, 768),
        ...norm(`${block}.pre_ln`, 768),
        ...norm(`${block}.post_ln`, 768),
        [`${block}.attn.pos_h.weight`]: [64, count],
        [`${block}.attn.pos_w.weight`]: [64, count],
        ...linear(`${block}.mlp.lin1`, 768, 3072),
        ...linear(`${block}.mlp.lin2`, 3072, 768),
      };
    }),
  ),
  'v.sam.neck.0.weight': [1, 1, 768, 256],
  ...norm('v.sam.neck.1', 256),
  'v.sam.neck.2.weight': [3, 3, 256, 256],
  ...norm('v.sam.neck.3', 256),
  'v.sam.net_2.weight': [3, 3, 256, 512],
};

const SAM_KEYS = {
  'clip.use_gelu': true,
  'clip.vision.sam.block_count': 12,
  'clip.vision.sam.head_count': 12,
  'clip.vision.sam.embedding_length': 768,
  'clip.vision.window_size': 14,
};

export const VISION: Readonly<Record<string, readonly Tower[]>> = {
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
  'llama-4-scout': [
    {
      projector: 'llama4',
      size: [1408, 16, 34, 5632],
      image: 336,
      output: 4096,
      layer: 'sbn',
      epsilon: 1e-5,
      metadata: { 'clip.use_gelu': true, 'clip.vision.projector.scale_factor': 2 },
      tensors: {
        'v.patch_embd.weight': [588, 1408],
        'v.class_embd': [1408],
        'v.position_embd.weight': [1408, 577],
        ...norm('v.pre_ln', 1408),
        ...norm('v.post_ln', 1408),
        'mm.model.mlp.1.weight': [5632, 4096],
        'mm.model.mlp.2.weight': [4096, 4096],
        'mm.model.fc.weight': [4096, 5120],
      },
    },
  ],
  'glm-4.1v-9b': [
    {
      projector: 'glm4v',
      size: [1536, 12, 24, 4096],
      image: 336,
      output: 4096,
      layer: 'jg',
      epsilon: 1e-5,
      metadata: { 'clip.use_silu': true, 'clip.vision.spatial_merge_size': 2 },
      tensors: {
        ...frames(14, 1536),
        'v.patch_embd.bias': [1536],
        'v.norm_embd.weight': [1536],
        'v.position_embd.weight': [1536, 576],
        'v.post_ln.weight': [1536],
        'mm.patch_merger.weight': [2, 2, 1536, 4096],
        'mm.patch_merger.bias': [4096],
        'mm.model.fc.weight': [4096, 4096],
        ...norm('mm.post_norm', 4096),
        'mm.up.weight': [4096, 13696],
        'mm.gate.weight': [4096, 13696],
        'mm.down.weight': [13696, 4096],
      },
    },
  ],
  'kimi-vl-a3b': [
    {
      ...SIGLIP,
      projector: 'kimivl',
      image: 896,
      output: 2048,
      epsilon: 1e-5,
      metadata: { 'clip.use_gelu': true, 'clip.vision.projector.scale_factor': 2 },
      tensors: {
        ...patches(14, 1152, 4096),
        ...norm('v.post_ln', 1152),
        ...norm('mm.input_norm', 1152),
        ...linear('mm.1', 4608, 4608),
        ...linear('mm.2', 4608, 2048),
      },
    },
  ],
  'kimi-k2.5': [
    {
      ...SIGLIP,
      projector: 'kimik25',
      image: 896,
      output: 7168,
      epsilon: 1e-5,
      layer: 'jbn',
      metadata: { 'clip.use_gelu': true, 'clip.vision.projector.scale_factor': 2 },
      tensors: {
        ...patches(14, 1152, 0),
        'v.position_embd.weight': [1152, 64, 64],
        ...norm('v.post_ln', 1152),
        ...norm('mm.input_norm', 1152),
        ...linear('mm.1', 4608, 4608),
        ...linear('mm.2', 4608, 7168),
      },
    },
  ],
  'dots.ocr': [
    {
      projector: 'dots_ocr',
      size: [1536, 12, 42, 4224],
      image: 0,
      output: 1536,
      layer: 'jg',
      epsilon: 1e-5,
      metadata: {
        'clip.use_silu': true,
        'clip.vision.projector.scale_factor': 2,
        'clip.vision.image_min_pixels': 3136,
        'clip.vision.image_max_pixels': 11289600,
      },
      tensors: {
        ...patches(14, 1536, 0),
        'v.pre_ln.weight': [1536],
        'mm.post_norm.weight': [1536],
        ...norm('mm.input_norm', 1536),
        ...linear('mm.0', 6144, 6144),
        ...linear('mm.2', 6144, 1536),
      },
    },
  ],
  'paddleocr-vl': [
    {
      ...SIGLIP,
      projector: 'paddleocr',
      image: 384,
      output: 1024,
      metadata: {
        'clip.use_gelu': true,
        'clip.vision.image_min_pixels': 147384,
        'clip.vision.image_max_pixels': 2822400,
      },
      tensors: {
        ...patches(14, 1152, 729),
        ...norm('v.post_ln', 1152),
        ...norm('mm.input_norm', 1152),
        ...linear('mm.1', 4608, 4608),
        ...linear('mm.2', 4608, 1024),
      },
    },
  ],
  'nemotron-nano-v2-vl': [
    {
      projector: 'nemotron_v2_vl',
      size: [1280, 16, 32, 5120],
      patch: 16,
      image: 512,
      output: 4480,
      layer: 'jbn',
      metadata: { 'clip.use_gelu': true, 'clip.vision.projector.scale_factor': 2 },
      tensors: {
        ...patches(16, 1280, 1024, ''),
        'v.class_embd': [1280, 10],
        'mm.model.mlp.0.weight': [5120],
        'mm.model.mlp.1.weight': [5120, 20480],
        'mm.model.mlp.3.weight': [20480, 4480],
      },
    },
  ],
  'cogvlm-chat': [
    {
      projector: 'cogvlm',
      size: [1792, 16, 63, 15360],
      image: 490,
      output: 4096,
      layer: 'jbn',
      metadata: { 'clip.use_gelu': true },
      tensors: {
        ...patches(14, 1792, 1226),
        'v.class_embd': [1792],
        'mm.model.fc.weight': [1792, 4096],
        ...norm('mm.post_fc_norm', 4096),
        'mm.up.weight': [4096, 11008],
        'mm.gate.weight': [4096, 11008],
        'mm.down.weight': [11008, 4096],
        'v.boi': [4096],
        'v.eoi': [4096],
      },
    },
  ],
  hunyuanocr: [
    {
      ...SIGLIP,
      projector: 'hunyuanvl',
      patch: 16,
      image: 2048,
      output: 1024,
      epsilon: 1e-5,
      metadata: { 'clip.use_gelu': true, 'clip.vision.spatial_merge_size': 2 },
      tensors: {
        ...patches(16, 1152, 16385),
        'mm.0.weight': [2, 2, 1152, 2304],
        'mm.0.bias': [2304],
        'mm.2.weight': [1, 1, 2304, 4608],
        'mm.2.bias': [4608],
        ...linear('mm.model.fc', 4608, 1024),
        'mm.pre_norm.weight': [1152],
        'mm.post_norm.weight': [1024],
        'mm.image_begin': [1024],
        'mm.image_end': [1024],
        'v.image_newline': [4608],
        'v.view_seperator': [1024],
      },
    },
  ],
  'step3-vl-10b': [
    {
      projector: 'step3vl',
      size: [1536, 16, 47, 8960],
      image: 728,
      output: 4096,
      layer: 'jbn',
      epsilon: 1e-5,
      inLayer: { 'ls1.weight': [1536], 'ls2.weight': [1536] },
      metadata: { 'clip.vision.projector.scale_factor': 4 },
      tensors: {
        ...patches(14, 1536, 2704, ''),
        ...norm('v.pre_ln', 1536),
        'mm.0.weight': [3, 3, 1536, 3072],
        'mm.0.bias': [3072],
        'mm.1.weight': [3, 3, 3072, 6144],
        'mm.1.bias': [6144],
        'mm.model.fc.weight': [6144, 4096],
      },
    },
  ],
  'minimax-m3': [
    {
      projector: 'minimax_m3',
      size: [1280, 16, 32, 5120],
      image: 672,
      output: 3072,
      layer: 'sbn',
      epsilon: 1e-5,
      metadata: { 'clip.use_gelu': true, 'clip.vision.spatial_merge_size': 2 },
      tensors: {
        ...frames(14, 1280),
        ...norm('v.pre_ln', 1280),
        ...linear('mm.1', 1280, 3072),
        ...linear('mm.2', 3072, 3072),
        ...linear('mm.merger.fc1', 12288, 3072),
        ...linear('mm.merger.fc2', 3072, 3072),
      },
    },
  ],
  'gemma-4-26b': [
    {
      projector: 'gemma4v',
      size: [1152, 16, 27, 4304],
      patch: 16,
      image: 224,
      output: 2816,
      layer: 'sg',
      inLayer: {
        'attn_q_norm.weight': [72],
        'attn_k_norm.weight': [72],
        'attn_post_norm.weight': [1152],
        'ffn_post_norm.weight': [1152],
      },
      metadata: { 'clip.use_gelu': true, 'clip.vision.projector.scale_factor': 3 },
      tensors: {
        ...patches(16, 1152, 0, ''),
        'v.position_embd.weight': [1152, 10240, 2],
        'v.std_bias': [1152],
        'v.std_scale': [1152],
        'mm.input_projection.weight': [1152, 2816],
      },
    },
  ],
  'gemma-4-unified': [
    {
      projector: 'gemma4uv',
      size: [3840, 16, 0, 0],
      patch: 16,
      image: 224,
      output: 3840,
      layer: 'sg',
      metadata: { 'clip.vision.projector.scale_factor': 3 },
      tensors: {
        'v.patch_embd.weight': [6912, 3840],
        'v.patch_embd.bias': [3840],
        'v.position_embd.weight': [3840, 1120, 2],
        ...norm('v.patch_norm.1', 6912),
        ...norm('v.patch_norm.2', 3840),
        ...norm('v.patch_norm.3', 3840),
        'mm.input_projection.weight': [3840, 3840],
      },
    },
    {
      modality: 'audio',
      projector: 'gemma4ua',
      size: [640, 16, 0, 0],
      output: 3840,
      layer: 'sg',
      tensors: { 'mm.a.input_projection.weight': [640, 3840] },
    },
  ],
  'youtu-vl-4b': [
    {
      ...SIGLIP,
      projector: 'youtuvl',
      patch: 16,
      image: 384,
      output: 2048,
      metadata: {
        'clip.use_gelu': true,
        'clip.vision.window_size': 256,
        'clip.vision.wa_layer_indexes': [7, 15, 23, 26],
      },
      tensors: {
        'v.patch_embd.weight': [768, 1152],
        'v.patch_embd.bias': [1152],
        ...norm('v.post_ln', 1152),
        'mm.input_norm.weight': [1152],
        ...linear('mm.0', 4608, 4608),
        ...linear('mm.2', 4608, 2048),
      },
    },
  ],
  'exaone-4.5-33b': [
    {
      projector: 'exaone4_5',
      size: [2048, 32, 28, 5120],
      image: 336,
      output: 5120,
      layer: 'gb',
      inLayer: {
        'attn_qkv.weight': [2048, 3072],
        'attn_qkv.bias': [3072],
        'attn_out.weight': [2048, 2048],
        'attn_out.bias': [2048],
      },
      metadata: {
        'clip.use_silu': true,
        'clip.vision.attention.head_count_kv': 8,
        'clip.vision.n_wa_pattern': 7,
        'clip.vision.image_min_pixels': 3136,
        'clip.vision.image_max_pixels': 12845056,
      },
      tensors: {
        ...frames(14, 2048),
        'v.post_ln.weight': [2048],
        ...linear('mm.0', 8192, 8192),
        ...linear('mm.2', 8192, 5120),
      },
    },
  ],
  'mimo-v2.5': [
    {
      projector: 'mimovl',
      size: [1280, 32, 28, 4608],
      patch: 16,
      image: 560,
      output: 4096,
      layer: 'gb',
      inLayer: {
        'attn_qkv.weight': [1280, 3072],
        'attn_qkv.bias': [3072],
        'attn_out.weight': [2048, 1280],
        'attn_out.bias': [1280],
        attn_sinks: [32],
      },
      metadata: {
        'clip.use_silu': true,
        'clip.vision.attention.head_count_kv': 8,
        'clip.vision.window_size': 64,
        'clip.vision.wa_pattern_mode': [
          -1, 0, 0, 0, 0, 1, 1, 1, 1, -1, 0, 0, 0, 0, 1, 1, 1, 1, -1, 0, 0, 0, 0, 1, 1, 1, 1, -1,
        ],
        'clip.vision.image_min_pixels': 8192,
        'clip.vision.image_max_pixels': 8388608,
      },
      tensors: {
        ...frames(16, 1280),
        ...norm('v.post_ln', 1280),
        'mm.0.weight': [5120, 5120],
        'mm.2.weight': [5120, 4096],
      },
    },
  ],
  'muse-glimmer': [
    {
      projector: 'muse-glimmer',
      size: [1536, 16, 50, 8960],
      image: 448,
      output: 6656,
      layer: 'sbn',
      epsilon: 1e-5,
      metadata: { 'clip.use_gelu': true, 'clip.vision.spatial_merge_size': 2 },
      tensors: {
        ...patches(14, 1536, 1024, ''),
        ...norm('v.pre_ln', 1536),
        ...norm('v.post_ln', 1536),
        'mm.0.weight': [6144, 4096],
        'mm.1.weight': [4096, 4096],
        'mm.2.weight': [4096, 6656],
      },
    },
  ],
  'minicpm-v-4.6': [
    {
      ...SIGLIP,
      projector: 'minicpmv4_6',
      image: 448,
      output: 1024,
      metadata: {
        'clip.use_gelu': true,
        'clip.vision.projector.scale_factor': 4,
        'clip.vision.wa_layer_indexes': [6],
      },
      tensors: {
        ...patches(14, 1152, 4900),
        ...norm('v.post_ln', 1152),
        ...norm('v.vit_merger.ln1', 1152),
        ...linear('v.vit_merger.attn_q', 1152, 1152),
        ...linear('v.vit_merger.attn_k', 1152, 1152),
        ...linear('v.vit_merger.attn_v', 1152, 1152),
        ...linear('v.vit_merger.attn_out', 1152, 1152),
        ...norm('v.vit_merger.ds_ln', 4608),
        ...linear('v.vit_merger.ds_ffn_up', 4608, 17216),
        ...linear('v.vit_merger.ds_ffn_down', 17216, 1152),
        ...norm('mm.input_norm', 4608),
        ...linear('mm.up', 4608, 4608),
        ...linear('mm.down', 4608, 1024),
      },
    },
  ],
  'gemma-3n-e4b': [
    {
      projector: 'gemma3nv',
      size: [2048, 8, 0, 0],
      image: 768,
      output: 2048,
      layer: 's',
      tensors: { ...MOBILENET, 'mm.soft_emb_norm.weight': [2048], 'mm.input_projection.weight': [2048, 2048] },
    },
  ],
  'deepseek-ocr': [
    {
      projector: 'deepseekocr',
      size: [1024, 16, 24, 4096],
      image: 1024,
      output: 1280,
      layer: 'jbn',
      metadata: SAM_KEYS,
      tensors: {
        ...SAM,
        'v.sam.net_3.weight': [3, 3, 512, 1024],
        'v.class_embd': [1024],
        'v.position_embd.weight': [1024, 257],
        ...norm('v.pre_ln', 1024),
        ...linear('mm.model.fc', 2048, 1280),
        'v.image_newline': [1280],
        'v.view_seperator': [1280],
      },
    },
  ],
  'deepseek-ocr-2': [
    {
      projector: 'deepseekocr2',
      size: [896, 14, 24, 4864],
      image: 1024,
      output: 1280,
      layer: 'g',
      inLayer: {
        ...linear('attn_q', 896, 896),
        ...linear('attn_k', 896, 128),
        ...linear('attn_v', 896, 128),
      },
      metadata: { ...SAM_KEYS, 'clip.vision.attention.head_count_kv': 2 },
      tensors: {
        ...SAM,
        'v.sam.net_3.weight': [3, 3, 512, 896],
        'v.post_ln.weight': [896],
        'v.resample_query_768.weight': [896, 144],
        'v.resample_query_1024.weight': [896, 256],
        ...linear('mm.model.fc', 896, 1280),
        'v.view_seperator': [1280],
      },
    },
  ],
  'reka-edge': [
    {
      projector: 'yasa2',
      size: [2816, 16, 0, 0],
      patch: 4,
      image: 512,
      output: 3072,
      layer: 's',
      tensors: {
        'v.patch_embd.weight': [4, 4, 3, 352],
        'v.patch_embd.bias': [352],
        ...norm('v.patch_ln', 352),
        ...joined([0, 1, 2, 3].map((stage) => convNext(stage, 352 * 2 ** stage))),
        'v.vision_pos_embed': [2816, 256],
        ...linear('mm.0', 2816, 3072),
        ...linear('mm.2', 3072, 3072),
      },
    },
  ],
  'granite-vision-4.1': [
    {
      ...SIGLIP,
      projector: 'granite4_vision',
      patch: 16,
      image: 384,
      output: 2560,
      metadata: {
        'clip.use_gelu': true,
        'clip.vision.feature_layer': [8, 17, 26],
        'clip.vision.projector.spatial_offsets': [-1, 0, 1],
        'clip.vision.projector.query_side': 4,
        'clip.vision.projector.window_side': 8,
      },
      tensors: {
        ...patches(16, 1152, 576),
        'v.image_newline': [2560],
        ...joined([0, 1, 2].map((index) => windowProjector(`v.proj_blk.${index}`, 1152, 2560))),
      },
    },
  ],
};

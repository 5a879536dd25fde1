/**
 * Projectors of public models, by the numbers that their configurations give.
 */
import { linear, norm, type Shapes, type Tower } from './tower.js';

/** Kernels of the two frames that an image of Qwen-VL stands for. */
function frames(patch: number, length: number): Shapes {
  const kernel = [patch, patch, 3, length];
  return { 'v.patch_embd.weight': kernel, 'v.patch_embd.weight.1': kernel };
}

/** The kernel of patches, with its bias, and a table of positions. */
export const PROJECTORS: Readonly<Record<string, readonly Tower[]>> = {
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
  'qwen3-vl-8b': [
    {
      projector: 'qwen3vl_merger',
      size: [1152, 16, 27, 4304],
      patch: 16,
      image: 768,
      output: 4096,
      layer: 'jbn',
      metadata: { 'clip.use_gelu': true, 'clip.vision.spatial_merge_size': 2 },
      tensors: {
        ...frames(16, 1152),
        'v.patch_embd.bias': [1152],
        'v.position_embd.weight': [1152, 2304],
        ...norm('v.post_ln', 1152),
        ...Object.assign(
          {},
          ...[8, 16, 24].map((layer) => ({
            ...norm(`v.deepstack.${layer}.norm`, 4608),
            ...linear(`v.deepstack.${layer}.fc1`, 4608, 4608),
            ...linear(`v.deepstack.${layer}.fc2`, 4608, 4096),
          })),
        ),
        ...linear('mm.0', 4608, 4608),
        ...linear('mm.2', 4608, 4096),
      },
    },
  ],
};

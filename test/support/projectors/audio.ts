/**
 * Encoders of sound of public models, by the numbers that their configurations give.
 */
import { joined, linear, norm, type Shapes, type Tower } from './tower.js';
import { VISION } from './vision.js';

/** The large encoder of Whisper. */
const WHISPER = {
  modality: 'audio',
  size: [1280, 20, 32, 5120],
  layer: 'sbn-k',
  epsilon: 1e-5,
} as const;

const WHISPER_TENSORS: Shapes = {
  'a.conv1d.1.weight': [3, 128, 1280],
  'a.conv1d.1.bias': [1, 1280],
  'a.conv1d.2.weight': [3, 1280, 1280],
  'a.conv1d.2.bias': [1, 1280],
  'a.position_embd.weight': [1280, 1500],
  ...norm('a.post_ln', 1280),
};

const STACK = 'clip.audio.projector.stack_factor';

const QWEN_2_AUDIO: Tower = {
  ...WHISPER,
  projector: 'qwen2a',
  output: 4096,
  tensors: { ...WHISPER_TENSORS, ...linear('mm.a.fc', 1280, 4096) },
};

export const AUDIO: Readonly<Record<string, readonly Tower[]>> = {
  'ultravox-v0.5-8b': [
    {
      ...WHISPER,
      projector: 'ultravox',
      output: 4096,
      metadata: { [STACK]: 8 },
      tensors: {
        ...WHISPER_TENSORS,
        'mm.a.norm_pre.weight': [10240],
        'mm.a.mlp.1.weight': [10240, 4096],
        'mm.a.norm_mid.weight': [2048],
        'mm.a.mlp.2.weight': [2048, 4096],
      },
    },
  ],
  'voxtral-mini-3b': [
    {
      ...WHISPER,
      projector: 'voxtral',
      output: 3072,
      metadata: { [STACK]: 4 },
      tensors: { ...WHISPER_TENSORS, 'mm.a.mlp.1.weight': [5120, 3072], 'mm.a.mlp.2.weight': [3072, 3072] },
    },
  ],
  'qwen2-audio-7b': [QWEN_2_AUDIO],
  'qwen2.5-omni-7b': [
    ...VISION['qwen2.5-vl-7b'],
    { ...QWEN_2_AUDIO, output: 3584, tensors: { ...WHISPER_TENSORS, ...linear('mm.a.fc', 1280, 3584) } },
  ].map((tower) => ({ ...tower, projector: 'qwen2.5o' })),
  'audio-flamingo-3': [
    {
      ...WHISPER,
      projector: 'musicflamingo',
      output: 3584,
      tensors: { ...WHISPER_TENSORS, ...linear('mm.a.mlp.1', 1280, 3584), ...linear('mm.a.mlp.2', 3584, 3584) },
    },
  ],
  'meralion-2-10b': [
    {
      ...WHISPER,
      projector: 'meralion',
      output: 3584,
      metadata: { [STACK]: 15 },
      tensors: {
        ...WHISPER_TENSORS,
        ...norm('mm.a.norm_pre', 19200),
        ...linear('mm.a.mlp.0', 19200, 6400),
        ...linear('mm.a.mlp.1', 6400, 6400),
        ...linear('mm.a.mlp.2', 6400, 6400),
        ...linear('mm.a.mlp.3', 6400, 3584),
      },
    },
  ],
  'glm-asr-nano': [
    {
      ...WHISPER,
      projector: 'glma',
      output: 2048,
      metadata: { [STACK]: 4 },
      tensors: {
        ...WHISPER_TENSORS,
        ...norm('mm.a.norm_pre', 1280),
        ...linear('mm.a.mlp.1', 5120, 4096),
        ...linear('mm.a.mlp.2', 4096, 2048),
        'v.boi': [2048],
        'v.eoi': [2048],
      },
    },
  ],
  'qwen3-asr-1.7b': [
    {
      modality: 'audio',
      projector: 'qwen3a',
      size: [1024, 16, 24, 4096],
      layer: 'sbn',
      epsilon: 1e-5,
      output: 2048,
      tensors: {
        ...joined(
          [1, 2, 3].map((index) => ({
            [`a.conv2d.${index}.weight`]: [3, 3, index === 1 ? 1 : 480, 480],
            [`a.conv2d.${index}.bias`]: [480],
          })),
        ),
        'a.conv_out.weight': [7680, 1024],
        'a.position_embd.weight': [1024, 1500],
        ...norm('a.post_ln', 1024),
        ...linear('mm.a.mlp.1', 1024, 1024),
        ...linear('mm.a.mlp.2', 1024, 2048),
      },
    },
  ],
  'gemma-4-e2b-audio': [
    {
      modality: 'audio',
      projector: 'gemma4a',
      size: [1024, 8, 12, 4096],
      layer: 's',
      output: 1536,
      inLayer: {
        ...joined(
          ['ffn_norm', 'ffn_norm_1', 'ffn_post_norm', 'ffn_post_norm_1', 'attn_pre_norm', 'attn_post_norm'].map(
            (part) => ({
              [`${part}.weight`]: [1024],
            }),
          ),
        ),
        'ffn_up_1.weight': [1024, 4096],
        'ffn_down_1.weight': [4096, 1024],
        'per_dim_scale.weight': [128],
        'attn_k_rel.weight': [1024, 1024],
        'conv_norm.weight': [1024],
        'norm_conv.weight': [1024],
        'conv_pw1.weight': [1024, 2048],
        'conv_pw2.weight': [1024, 1024],
        'conv_dw.weight': [5, 1024],
      },
      tensors: {
        'a.conv1d.0.weight': [3, 3, 1, 128],
        'a.conv1d.0.norm.weight': [128],
        'a.conv1d.1.weight': [3, 3, 128, 32],
        'a.conv1d.1.norm.weight': [32],
        'a.input_projection.weight': [1024, 1024],
        ...linear('a.pre_encode.out', 1024, 1536),
        'mm.a.input_projection.weight': [1536, 1536],
      },
    },
  ],
  'lfm2-audio-1.5b': [
    {
      modality: 'audio',
      projector: 'lfm2a',
      size: [512, 8, 17, 2048],
      layer: 'sbn',
      output: 2048,
      inLayer: {
        ...joined(['ffn_norm', 'ffn_norm_1', 'norm_conv', 'conv_norm'].map((part) => norm(part, 512))),
        ...linear('ffn_up_1', 512, 2048),
        ...linear('ffn_down_1', 2048, 512),
        pos_bias_u: [64, 8],
        pos_bias_v: [64, 8],
        'linear_pos.weight': [512, 512],
        'conv_dw.weight': [9, 512],
        'conv_dw.bias': [512],
        ...linear('conv_pw1', 512, 1024),
        ...linear('conv_pw2', 512, 512),
      },
      tensors: {
        ...joined(
          [0, 2, 3, 5, 6].map((index) => ({
            [`a.conv1d.${index}.weight`]: index === 0 || index % 3 === 2 ? [3, 3, 1, 256] : [1, 1, 256, 256],
            [`a.conv1d.${index}.bias`]: [1, 1, 256],
          })),
        ),
        ...linear('a.pre_encode.out', 4096, 512),
        'a.position_embd.weight': [512, 16392],
        ...norm('mm.a.mlp.0', 512),
        ...linear('mm.a.mlp.1', 512, 2048),
        ...linear('mm.a.mlp.3', 2048, 2048),
      },
    },
  ],
};

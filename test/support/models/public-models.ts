/**
 * Public models that are not among the example headers, by their published numbers.
 */
import { deepseek2, gemma, gpt2, gptOss, llama, mamba, phi3, qwen2, qwen3 } from './architectures.js';
import type { Recipe } from './recipe.js';

const LLAMA_3 = { headLength: 128, vocabulary: 128256, context: 131072, hasRopeFactors: true };
const QWEN_3 = { headLength: 128, vocabulary: 151936, context: 40960 };
const DEEPSEEK = { plainLength: 128, valueLength: 128, context: 163840 };
const DEEPSEEK_V2 = { ...DEEPSEEK, layers: 60, width: 5120, heads: 128, feedForward: 12288, vocabulary: 102400 };
const V2_EXPERTS = {
  queryRank: 1536,
  experts: 160,
  usedExperts: 6,
  sharedExperts: 2,
  expertLength: 1536,
  denseLayers: 1,
};
const GPT_2 = { vocabulary: 50257, context: 1024, type: 'f16' } as const;
const MAMBA = { vocabulary: 50280, context: 1048576, type: 'f16' } as const;

// prettier-ignore
export const PUBLIC_MODELS: Readonly<Record<string, () => Recipe>> = {
  'Llama-3.2-3B': () => llama({ ...LLAMA_3, layers: 28, width: 3072, heads: 24, kvHeads: 8, feedForward: 8192, isTied: true }),
  'Llama-3.1-70B': () => llama({ ...LLAMA_3, layers: 80, width: 8192, heads: 64, kvHeads: 8, feedForward: 28672 }),
  'Llama-3.1-405B': () => llama({ ...LLAMA_3, layers: 126, width: 16384, heads: 128, kvHeads: 8, feedForward: 53248 }),
  'Llama-2-7B': () => llama({ layers: 32, width: 4096, heads: 32, feedForward: 11008, vocabulary: 32000, context: 4096 }),
  'Llama-2-13B': () => llama({ layers: 40, width: 5120, heads: 40, feedForward: 13824, vocabulary: 32000, context: 4096, type: 'q8_0' }),
  'Llama-2-70B': () => llama({ layers: 80, width: 8192, heads: 64, kvHeads: 8, feedForward: 28672, vocabulary: 32000, context: 4096 }),
  'Mistral-7B': () => llama({ layers: 32, width: 4096, heads: 32, kvHeads: 8, feedForward: 14336, vocabulary: 32768, context: 32768 }),
  'Mistral-Nemo': () => llama({ layers: 40, width: 5120, heads: 32, kvHeads: 8, headLength: 128, feedForward: 14336, vocabulary: 131072, context: 131072 }),
  TinyLlama: () => llama({ layers: 22, width: 2048, heads: 32, kvHeads: 4, feedForward: 5632, vocabulary: 32000, context: 2048 }),
  'SmolLM2-135M': () => llama({ layers: 30, width: 576, heads: 9, kvHeads: 3, feedForward: 1536, vocabulary: 49152, context: 8192, isTied: true }),
  'Mixtral-8x22B': () => llama({ layers: 56, width: 6144, heads: 48, kvHeads: 8, feedForward: 16384, vocabulary: 32768, context: 65536, experts: 8 }),
  'Phi-3-mini-128k': () => phi3({ layers: 32, width: 3072, heads: 32, feedForward: 8192, vocabulary: 32064, context: 131072, originalContext: 4096 }),
  'Phi-3-medium-128k': () => phi3({ layers: 40, width: 5120, heads: 40, kvHeads: 10, feedForward: 17920, vocabulary: 32064, context: 131072, originalContext: 4096 }),
  'Phi-4': () => phi3({ layers: 40, width: 5120, heads: 40, kvHeads: 10, feedForward: 17920, vocabulary: 100352, context: 16384 }),
  'Phi-4-mini': () => phi3({ layers: 32, width: 3072, heads: 24, kvHeads: 8, feedForward: 8192, vocabulary: 200064, context: 131072, originalContext: 4096, isTied: true }),
  'Qwen2.5-1.5B': () => qwen2({ layers: 28, width: 1536, heads: 12, kvHeads: 2, feedForward: 8960, vocabulary: 151936, context: 32768, isTied: true }),
  'Qwen2.5-7B': () => qwen2({ layers: 28, width: 3584, heads: 28, kvHeads: 4, feedForward: 18944, vocabulary: 152064, context: 131072 }),
  'Qwen2.5-72B': () => qwen2({ layers: 80, width: 8192, heads: 64, kvHeads: 8, feedForward: 29568, vocabulary: 152064, context: 32768 }),
  'Qwen3-4B': () => qwen3({ ...QWEN_3, layers: 36, width: 2560, heads: 32, kvHeads: 8, feedForward: 9728, isTied: true }),
  'Qwen3-32B': () => qwen3({ ...QWEN_3, layers: 64, width: 5120, heads: 64, kvHeads: 8, feedForward: 25600 }),
  'Qwen3-235B-A22B': () => qwen3({ ...QWEN_3, layers: 94, width: 4096, heads: 64, kvHeads: 4, feedForward: 12288, experts: 128, usedExperts: 8, expertLength: 1536 }),
  'gemma-2-9b': () => gemma({ generation: 2, layers: 42, width: 3584, heads: 16, kvHeads: 8, headLength: 256, feedForward: 14336, vocabulary: 256000, context: 8192, window: 4096 }),
  'gemma-2-27b': () => gemma({ generation: 2, layers: 46, width: 4608, heads: 32, kvHeads: 16, headLength: 128, feedForward: 36864, vocabulary: 256000, context: 8192, window: 4096 }),
  'gemma-3-270m': () => gemma({ generation: 3, layers: 18, width: 640, heads: 4, kvHeads: 1, headLength: 256, feedForward: 2048, vocabulary: 262144, context: 32768, window: 512, type: 'q8_0' }),
  'gemma-3-1b': () => gemma({ generation: 3, layers: 26, width: 1152, heads: 4, kvHeads: 1, headLength: 256, feedForward: 6912, vocabulary: 262144, context: 32768, window: 512 }),
  'gemma-3-27b': () => gemma({ generation: 3, layers: 62, width: 5376, heads: 32, kvHeads: 16, headLength: 128, feedForward: 21504, vocabulary: 262208, context: 131072, window: 1024 }),
  'gpt2-medium': () => gpt2({ ...GPT_2, layers: 24, width: 1024, heads: 16, feedForward: 4096, isTied: true }),
  'gpt2-xl': () => gpt2({ ...GPT_2, layers: 48, width: 1600, heads: 25, feedForward: 6400 }),
  'gpt-oss-120b': () => gptOss({ layers: 36, width: 2880, heads: 64, kvHeads: 8, headLength: 64, feedForward: 2880, vocabulary: 201088, context: 131072, experts: 128, window: 128, type: 'mxfp4' }),
  'DeepSeek-V2': () => deepseek2({ ...DEEPSEEK_V2, ...V2_EXPERTS }),
  'DeepSeek-V2 (old file)': () => deepseek2({ ...DEEPSEEK_V2, ...V2_EXPERTS, isOld: true }),
  'DeepSeek-V3': () => deepseek2({ ...DEEPSEEK, layers: 61, width: 7168, heads: 128, feedForward: 18432, vocabulary: 129280, queryRank: 1536, experts: 256, usedExperts: 8, sharedExperts: 1, expertLength: 2048, denseLayers: 3, groups: 8, isV3: true }),
  'Moonlight-16B': () => deepseek2({ ...DEEPSEEK, context: 8192, layers: 27, width: 2048, heads: 16, feedForward: 11264, vocabulary: 163840, experts: 64, usedExperts: 6, sharedExperts: 2, expertLength: 1408, denseLayers: 1, isV3: true }),
  'Kimi-K2': () => deepseek2({ ...DEEPSEEK, context: 131072, layers: 61, width: 7168, heads: 64, feedForward: 18432, vocabulary: 163840, queryRank: 1536, experts: 384, usedExperts: 8, sharedExperts: 1, expertLength: 2048, denseLayers: 1, isV3: true }),
  'GLM-4.7-Flash': () => deepseek2({ plainLength: 192, valueLength: 256, context: 202752, layers: 47, width: 2048, heads: 20, feedForward: 10240, vocabulary: 154880, queryRank: 768, experts: 64, usedExperts: 4, sharedExperts: 1, expertLength: 1536, denseLayers: 1, isV3: true }),
  'mamba-790m': () => mamba({ ...MAMBA, layers: 48, width: 1536 }),
  'mamba-2.8b': () => mamba({ ...MAMBA, layers: 64, width: 2560 }),
  'falcon-mamba-7b': () => mamba({ ...MAMBA, layers: 64, width: 4096, vocabulary: 65024, isTied: false, isNormed: true }),
};

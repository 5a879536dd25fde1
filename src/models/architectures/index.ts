/**
 * Every architecture that the library builds, by the name that files give it.
 */
import type { Architecture } from '../architecture.js';
import { deepseek2 } from './deepseek.js';
import { gemma2, gemma3 } from './gemma.js';
import { gpt2, gptOss } from './gpt.js';
import { llama } from './llama.js';
import { mamba } from './mamba.js';
import { phi3 } from './phi.js';
import { qwen2, qwen3, qwen3moe } from './qwen.js';

export const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map(
  Object.entries({
    deepseek2,
    gemma2,
    gemma3,
    gpt2,
    'gpt-oss': gptOss,
    llama,
    mamba,
    phi3,
    qwen2,
    qwen3,
    qwen3moe,
  } as unknown as Record<string, Architecture>),
);

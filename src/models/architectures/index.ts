/**
 * Every architecture that the library builds, by the name that files give it.
 */
import type { Architecture } from '../architecture.js';
import { deepseek2 } from './deepseek2.js';
import { gemma2 } from './gemma2.js';
import { gemma3 } from './gemma3.js';
import { gptOss } from './gpt-oss.js';
import { gpt2 } from './gpt2.js';
import { llama } from './llama.js';
import { mamba } from './mamba.js';
import { phi3 } from './phi3.js';
import { qwen2 } from './qwen2.js';
import { qwen3, qwen3moe } from './qwen3.js';

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

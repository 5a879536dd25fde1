/**
 * Every architecture that the library builds, by the name that files give it.
 */
import type { Architecture } from '../architecture.js';
import { cohere2, commandR } from './cohere.js';
import { deepseek2 } from './deepseek.js';
import { falcon } from './falcon.js';
import { gemma, gemma2, gemma3 } from './gemma.js';
import { bloom, codeshell, gpt2, gptneox, gptOss, jais, nemotron, starcoder, starcoder2 } from './gpt.js';
import { chatglm, glm4, glm4moe } from './glm.js';
import { granite, granitemoe } from './granite.js';
import { arcee, baichuan, internlm2, llama, orion, refact, xverse } from './llama.js';
import { mamba } from './mamba.js';
import { minimaxM2 } from './minimax.js';
import { dbrx, dots1, hunyuanMoe } from './mixtures.js';
import { olmo, olmoe } from './olmo.js';
import { phi2, phi3, phimoe } from './phi.js';
import { qwen, qwen2, qwen2moe, qwen3, qwen3moe } from './qwen.js';

export const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map(
  Object.entries({
    arcee,
    baichuan,
    bloom,
    chatglm,
    codeshell,
    cohere2,
    'command-r': commandR,
    dbrx,
    deepseek2,
    dots1,
    falcon,
    gemma,
    gemma2,
    gemma3,
    glm4,
    glm4moe,
    gpt2,
    gptneox,
    'gpt-oss': gptOss,
    granite,
    granitemoe,
    'hunyuan-moe': hunyuanMoe,
    internlm2,
    jais,
    llama,
    mamba,
    'minimax-m2': minimaxM2,
    nemotron,
    olmo,
    olmoe,
    orion,
    phi2,
    phi3,
    phimoe,
    qwen,
    qwen2,
    qwen2moe,
    qwen3,
    qwen3moe,
    refact,
    starcoder,
    starcoder2,
    xverse,
  } as unknown as Record<string, Architecture>),
);

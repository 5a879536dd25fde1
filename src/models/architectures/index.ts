/**
 * Every architecture that the library builds, by the name that files give it.
 */
import type { Architecture } from '../architecture.js';
import { bailingmoe3 } from './bailing3.js';
import { bert, jinaBertV2, jinaBertV3, nomicBert, nomicBertMoe } from './bert.js';
import { cogvlm } from './cogvlm.js';
import { cohere2, cohere2moe, commandR } from './cohere.js';
import { deepseek, deepseek2, deepseek2Ocr, mistral4 } from './deepseek.js';
import { dflash } from './dflash.js';
import { dream, llada, lladaMoe, rnd1 } from './diffusion.js';
import { eagle3 } from './eagle3.js';
import { eurobert, modernBert, neoBert } from './encoders.js';
import { ernie45, ernie45moe, paddleocr } from './ernie.js';
import { exaone4, exaonemoe } from './exaone.js';
import { falconH1 } from './falcon-h1.js';
import { falcon } from './falcon.js';
import { afmoe, laguna, museGlimmer, step35 } from './gated.js';
import { gemma, gemma2, gemma3, gemmaEmbedding } from './gemma.js';
import { chatglm, glm4, glm4moe } from './glm.js';
import { bloom, codeshell, gpt2, gptneox, gptOss, jais, nemotron, starcoder, starcoder2 } from './gpt.js';
import { granite, granitehybrid, granitemoe, graniteSwa } from './granite.js';
import { hunyuanDense, hunyuanV3, hunyuanVl } from './hunyuan.js';
import { kimiLinear } from './kimi.js';
import { minicpm3, plm } from './latent.js';
import { lfm2, lfm2moe } from './lfm.js';
import {
  arcee,
  baichuan,
  internlm2,
  llama,
  llamaEmbed,
  orion,
  panguEmbedded,
  refact,
  seedOss,
  smollm3,
  xverse,
} from './llama.js';
import { llama4 } from './llama4.js';
import { jamba, mamba, mamba2 } from './mamba.js';
import { minimaxM2 } from './minimax.js';
import { mistral3 } from './mistral.js';
import { dbrx, dots1, hunyuanMoe } from './mixtures.js';
import { nanbeige } from './nanbeige.js';
import { nemotronH } from './nemotron-h.js';
import { olmo, olmo2, olmoe } from './olmo.js';
import { phi2, phi3, phimoe } from './phi.js';
import { plamo3 } from './plamo.js';
import { plamo2 } from './plamo2.js';
import { qwen35, qwen35moe, qwen3next } from './qwen-hybrid.js';
import { qwen, qwen2, qwen2moe, qwen2vl, qwen3, qwen3moe, qwen3tts, qwen3vl, qwen3vlmoe } from './qwen.js';
import { rwkv6, rwkv6qwen2 } from './rwkv6.js';
import { arwkv7, rwkv7 } from './rwkv7.js';
import { pocketTts } from './speech.js';
import { t5, t5encoder } from './t5.js';
import { wavtokenizer } from './wavtokenizer.js';
import { mellum, mimo2, smallthinker } from './windowed-mixtures.js';

export const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map(
  Object.entries({
    afmoe,
    arcee,
    arwkv7,
    baichuan,
    bailingmoe3,
    bert,
    bloom,
    chatglm,
    codeshell,
    cogvlm,
    cohere2,
    cohere2moe,
    'command-r': commandR,
    dbrx,
    deepseek,
    deepseek2,
    'deepseek2-ocr': deepseek2Ocr,
    dflash,
    dots1,
    dream,
    eagle3,
    ernie4_5: ernie45,
    'ernie4_5-moe': ernie45moe,
    eurobert,
    exaone4,
    'exaone-moe': exaonemoe,
    falcon,
    'falcon-h1': falconH1,
    gemma,
    gemma2,
    gemma3,
    'gemma-embedding': gemmaEmbedding,
    glm4,
    glm4moe,
    gpt2,
    gptneox,
    'gpt-oss': gptOss,
    granite,
    granitehybrid,
    granitemoe,
    granite_swa: graniteSwa,
    'hunyuan-dense': hunyuanDense,
    'hunyuan-moe': hunyuanMoe,
    hunyuan_vl: hunyuanVl,
    hy_v3: hunyuanV3,
    internlm2,
    jais,
    jamba,
    'jina-bert-v2': jinaBertV2,
    'jina-bert-v3': jinaBertV3,
    'kimi-linear': kimiLinear,
    laguna,
    lfm2,
    lfm2moe,
    llada,
    'llada-moe': lladaMoe,
    llama,
    llama4,
    'llama-embed': llamaEmbed,
    mamba,
    mamba2,
    mellum,
    mimo2,
    minicpm3,
    'minimax-m2': minimaxM2,
    mistral3,
    mistral4,
    'modern-bert': modernBert,
    'muse-glimmer': museGlimmer,
    nanbeige,
    nemotron,
    nemotron_h: nemotronH,
    nemotron_h_moe: nemotronH,
    'neo-bert': neoBert,
    'nomic-bert': nomicBert,
    'nomic-bert-moe': nomicBertMoe,
    olmo,
    olmo2,
    olmoe,
    orion,
    paddleocr,
    'pangu-embedded': panguEmbedded,
    phi2,
    phi3,
    phimoe,
    plamo2,
    plamo3,
    plm,
    pockettts: pocketTts,
    qwen,
    qwen2,
    qwen2moe,
    qwen2vl,
    qwen3,
    qwen35,
    qwen35moe,
    qwen3moe,
    qwen3next,
    qwen3tts,
    qwen3vl,
    qwen3vlmoe,
    refact,
    rnd1,
    rwkv6,
    rwkv6qwen2,
    rwkv7,
    seed_oss: seedOss,
    smallthinker,
    smollm3,
    starcoder,
    starcoder2,
    step35,
    t5,
    t5encoder,
    'wavtokenizer-dec': wavtokenizer,
    xverse,
  } as unknown as Record<string, Architecture>),
);

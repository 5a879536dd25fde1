/**
 * Every architecture that the library builds, by the name that files give it.
 */
import type { Architecture } from '../architecture.js';
import { apertus } from './apertus.js';
import { arctic } from './arctic.js';
import { bailingmoe, bailingmoe2 } from './bailing.js';
import { bailingmoe3 } from './bailing3.js';
import { bert, jinaBertV2, jinaBertV3, nomicBert, nomicBertMoe } from './bert.js';
import { bitnet } from './bitnet.js';
import { chameleon } from './chameleon.js';
import { cogvlm } from './cogvlm.js';
import { cohere2, cohere2moe, commandR } from './cohere.js';
import { deci } from './deci.js';
import { deepseek, deepseek2, deepseek2Ocr, mistral4 } from './deepseek.js';
import { deepseek4 } from './deepseek4.js';
import { dflash } from './dflash.js';
import { dream, llada, lladaMoe, rnd1 } from './diffusion.js';
import { dots3note } from './dots.js';
import { eagle3 } from './eagle3.js';
import { eurobert, modernBert, neoBert } from './encoders.js';
import { ernie45, ernie45moe, paddleocr } from './ernie.js';
import { exaone, exaone4, exaonemoe } from './exaone.js';
import { falcon } from './falcon.js';
import { falconH1 } from './falcon-h1.js';
import { afmoe, laguna, museGlimmer, step35 } from './gated.js';
import { gemma, gemma2, gemma3, gemmaEmbedding } from './gemma.js';
import { gemma3n } from './gemma3n.js';
import { gemma4 } from './gemma4.js';
import { gemma4Assistant } from './gemma4-assistant.js';
import { chatglm, glm4, glm4moe } from './glm.js';
import { bloom, codeshell, gpt2, gptneox, gptOss, jais, jais2, nemotron, starcoder, starcoder2 } from './gpt.js';
import { granite, granitehybrid, granitemoe, graniteSwa } from './granite.js';
import { graniteSwitch } from './granite-switch.js';
import { grok } from './grok.js';
import { grovemoe } from './grovemoe.js';
import { hunyuanDense, hunyuanV3, hunyuanVl } from './hunyuan.js';
import { kimiLinear } from './kimi.js';
import { kimiK3 } from './kimi-k3.js';
import { minicpm3, plm } from './latent.js';
import { lfm2, lfm2moe } from './lfm.js';
import {
  arcee,
  baichuan,
  internlm2,
  llama,
  llamaEmbed,
  maincoder,
  minicpm,
  orion,
  panguEmbedded,
  refact,
  seedOss,
  smollm3,
  xverse,
} from './llama.js';
import { llama4 } from './llama4.js';
import { jamba, mamba, mamba2 } from './mamba.js';
import { minimaxM2, minimaxM3 } from './minimax.js';
import { minimax01 } from './minimax-01.js';
import { mistral3 } from './mistral.js';
import { dbrx, dots1, hunyuanMoe } from './mixtures.js';
import { mpt } from './mpt.js';
import { nanbeige } from './nanbeige.js';
import { nemotronH } from './nemotron-h.js';
import { olmo, olmo2, olmoe } from './olmo.js';
import { openelm } from './openelm.js';
import { phi2, phi3, phimoe } from './phi.js';
import { plamo, plamo3 } from './plamo.js';
import { plamo2 } from './plamo2.js';
import { qwen, qwen2, qwen2moe, qwen2vl, qwen3, qwen3moe, qwen3tts, qwen3vl, qwen3vlmoe } from './qwen.js';
import { qwen35, qwen35moe, qwen3next } from './qwen-hybrid.js';
import { rwkv6, rwkv6qwen2 } from './rwkv6.js';
import { arwkv7, rwkv7 } from './rwkv7.js';
import { deepseek32, glmDsa } from './sparse.js';
import { pocketTts } from './speech.js';
import { stablelm } from './stablelm.js';
import { t5, t5encoder } from './t5.js';
import { talkie } from './talkie.js';
import { wavtokenizer } from './wavtokenizer.js';
import { mellum, mimo2, smallthinker } from './windowed-mixtures.js';

export const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map(
  Object.entries({
    afmoe,
    apertus,
    arcee,
    arctic,
    arwkv7,
    baichuan,
    bailingmoe,
    bailingmoe2,
    bailingmoe3,
    bert,
    bitnet,
    bloom,
    chameleon,
    chatglm,
    codeshell,
    cogvlm,
    cohere2,
    cohere2moe,
    'command-r': commandR,
    dbrx,
    deci,
    deepseek,
    deepseek2,
    'deepseek2-ocr': deepseek2Ocr,
    deepseek32,
    deepseek4,
    dflash,
    dots1,
    dots3note,
    dream,
    eagle3,
    ernie4_5: ernie45,
    'ernie4_5-moe': ernie45moe,
    eurobert,
    exaone,
    'exaone-moe': exaonemoe,
    exaone4,
    falcon,
    'falcon-h1': falconH1,
    gemma,
    'gemma-embedding': gemmaEmbedding,
    gemma2,
    gemma3,
    gemma3n,
    gemma4,
    'gemma4-assistant': gemma4Assistant,
    'glm-dsa': glmDsa,
    glm4,
    glm4moe,
    'gpt-oss': gptOss,
    gpt2,
    gptneox,
    granite,
    granite_swa: graniteSwa,
    granitehybrid,
    granitemoe,
    graniteswitch: graniteSwitch,
    grok,
    grovemoe,
    'hunyuan-dense': hunyuanDense,
    'hunyuan-moe': hunyuanMoe,
    hunyuan_vl: hunyuanVl,
    hy_v3: hunyuanV3,
    internlm2,
    jais,
    jais2,
    jamba,
    'jina-bert-v2': jinaBertV2,
    'jina-bert-v3': jinaBertV3,
    'kimi-k3': kimiK3,
    'kimi-linear': kimiLinear,
    laguna,
    lfm2,
    lfm2moe,
    llada,
    'llada-moe': lladaMoe,
    llama,
    'llama-embed': llamaEmbed,
    llama4,
    maincoder,
    mamba,
    mamba2,
    mellum,
    mimo2,
    minicpm,
    minicpm3,
    'minimax-01': minimax01,
    'minimax-m2': minimaxM2,
    'minimax-m3': minimaxM3,
    mistral3,
    mistral4,
    'modern-bert': modernBert,
    mpt,
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
    openelm,
    orion,
    paddleocr,
    'pangu-embedded': panguEmbedded,
    phi2,
    phi3,
    phimoe,
    plamo,
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
    stablelm,
    starcoder,
    starcoder2,
    step35,
    t5,
    t5encoder,
    talkie,
    'wavtokenizer-dec': wavtokenizer,
    xverse,
  } as unknown as Record<string, Architecture>),
);

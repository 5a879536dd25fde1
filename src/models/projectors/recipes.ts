/**
 * The kinds of projectors whose encoders are built, by the name that files give them.
 */
import { COGVLM } from './families/cogvlm.js';
import { DEEPSEEK_OCR } from './families/deepseek-ocr.js';
import { GEMMA_3N } from './families/gemma3n.js';
import { GEMMA_4_AUDIO } from './families/gemma4-audio.js';
import { GEMMA_4 } from './families/gemma4.js';
import { GLM_4V } from './families/glm-4v.js';
import { GRANITE_VISION } from './families/granite-vision.js';
import { HUNYUAN } from './families/hunyuan.js';
import { INTERNVL } from './families/internvl.js';
import { KIMI } from './families/kimi.js';
import { LFM2_AUDIO } from './families/lfm2-audio.js';
import { LLAMA_4 } from './families/llama-4.js';
import { LLAVA } from './families/llava.js';
import { MIMO } from './families/mimo.js';
import { MINICPM_V } from './families/minicpm-v.js';
import { MINICPM_V46 } from './families/minicpm-v46.js';
import { MINIMAX } from './families/minimax.js';
import { MUSE_GLIMMER } from './families/muse-glimmer.js';
import { NEMOTRON } from './families/nemotron.js';
import { OCR } from './families/ocr.js';
import { PIXTRAL } from './families/pixtral.js';
import { QWEN_VL } from './families/qwen-vl.js';
import { QWEN_3_AUDIO } from './families/qwen3-audio.js';
import { SIGLIP } from './families/siglip.js';
import { STEP_3 } from './families/step3.js';
import { WHISPER } from './families/whisper.js';
import { YASA } from './families/yasa.js';
import { YOUTU } from './families/youtu.js';
import type { ProjectorRecipe } from './recipe.js';

export const RECIPES: ReadonlyMap<string, ProjectorRecipe> = new Map(
  Object.entries<ProjectorRecipe>({
    ...COGVLM,
    ...DEEPSEEK_OCR,
    ...GEMMA_3N,
    ...GEMMA_4_AUDIO,
    ...GEMMA_4,
    ...GLM_4V,
    ...GRANITE_VISION,
    ...HUNYUAN,
    ...INTERNVL,
    ...KIMI,
    ...LFM2_AUDIO,
    ...LLAMA_4,
    ...LLAVA,
    ...MIMO,
    ...MINICPM_V,
    ...MINICPM_V46,
    ...MINIMAX,
    ...MUSE_GLIMMER,
    ...NEMOTRON,
    ...OCR,
    ...PIXTRAL,
    ...QWEN_VL,
    ...QWEN_3_AUDIO,
    ...SIGLIP,
    ...STEP_3,
    ...WHISPER,
    ...YASA,
    ...YOUTU,
  }),
);

/**
 * The kinds of projectors whose encoders are built, by the name that files give them.
 */
import { INTERNVL } from './families/internvl.js';
import { LLAVA } from './families/llava.js';
import { MINICPM_V } from './families/minicpm-v.js';
import { PIXTRAL } from './families/pixtral.js';
import { QWEN_VL } from './families/qwen-vl.js';
import { SIGLIP } from './families/siglip.js';
import type { ProjectorRecipe } from './recipe.js';

export const RECIPES: ReadonlyMap<string, ProjectorRecipe> = new Map(
  Object.entries<ProjectorRecipe>({
    ...INTERNVL,
    ...LLAVA,
    ...MINICPM_V,
    ...PIXTRAL,
    ...QWEN_VL,
    ...SIGLIP,
  }),
);

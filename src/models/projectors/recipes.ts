/**
 * The kinds of projectors whose encoders are built, by the name that files give them.
 */
import { QWEN_VL } from './families/qwen-vl.js';
import type { ProjectorRecipe } from './recipe.js';

export const RECIPES: ReadonlyMap<string, ProjectorRecipe> = new Map(
  Object.entries<ProjectorRecipe>({
    ...QWEN_VL,
  }),
);

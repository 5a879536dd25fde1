/**
 * Checks a description of a model, where one is handed in.
 */
import { checkArgument } from '../errors.js';
import { familyOf } from './families/families.js';
import type { TrainingModel } from './model.js';

/** Numbers of a model, by the least that they may be. */
const COUNTS = {
  vocab: 1,
  hidden: 1,
  layers: 1,
  decoderLayers: 0,
  heads: 1,
  kvHeads: 1,
  headDim: 1,
  ffn: 1,
  positionRows: 0,
  embeddingWidth: 1,
  rotaryDim: 0,
  relativeBuckets: 0,
  slidingWindow: 0,
} as const satisfies { readonly [K in keyof TrainingModel]?: number };

const REMEDY = 'Make the description with modelFromConfig or builtInModel.';

/** @throws PlannerError `BAD_ARGUMENT`, `UNKNOWN_ARCHITECTURE` */
export function checkModel(model: TrainingModel): void {
  const isObject = typeof model === 'object' && model !== null;
  checkArgument(isObject && 'family' in model, 'model', model, 'the description of a model, or a name', REMEDY);
  familyOf(model.family);
  for (const [name, least] of Object.entries(COUNTS)) {
    const value = model[name as keyof typeof COUNTS];
    const isCount = Number.isSafeInteger(value) && value >= least;
    checkArgument(isCount, `${name} of model`, value, `a whole number of at least ${least}`, REMEDY);
  }
  const { attentionBias: bias, heads, kvHeads } = model;
  const hasBias = typeof bias === 'object' && bias !== null;
  checkArgument(hasBias, 'attentionBias of model', bias, 'an object with the flags qkv and output', REMEDY);
  checkArgument(heads % kvHeads === 0, 'kvHeads of model', kvHeads, `a divisor of its ${heads} heads`, REMEDY);
}

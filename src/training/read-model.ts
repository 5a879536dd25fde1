/**
 * Models out of Hugging Face's configurations, and those that are built in, which are such configurations.
 */
import { nearestName, PlannerError, shown } from '../errors.js';
import { BUILT_IN_CONFIGS } from './built-in.js';
import { ConfigReader } from './config.js';
import { FAMILIES } from './families/families.js';
import { modelOf } from './families/family.js';
import type { TrainingModel } from './model.js';

/**
 * A model out of the fields of its `config.json`.
 *
 * @param config the parsed file; of a model of images and text, its `text_config` counts
 * @param name what results and errors call the model. Default: the configuration's own name, or its kind
 * @throws PlannerError `BAD_MODEL` if a needed field is missing or wrong; `UNKNOWN_ARCHITECTURE` for other kinds of models
 * @example
 * ```ts
 * import { modelFromConfig } from 'tensor-arena/training';
 * const config = { model_type: 'gpt2', vocab_size: 50257, n_embd: 768, n_layer: 12, n_head: 12, n_positions: 1024 };
 * console.log(modelFromConfig(config).ffn); // 3072
 * ```
 */
export function modelFromConfig(config: Readonly<Record<string, unknown>>, name?: string): TrainingModel {
  const isObject = typeof config === 'object' && config !== null && !Array.isArray(config);
  if (!isObject) throw notAConfiguration(config);
  const { text_config: inner, _name_or_path: own, model_type: type } = config;
  const fields = typeof inner === 'object' && inner !== null ? { ...config, ...inner } : config;
  const kind = typeof fields.model_type === 'string' ? fields.model_type : String(type);
  const family = FAMILIES.find(({ modelTypes }) => modelTypes.includes(kind));
  const label = name ?? (typeof own === 'string' && own !== '' ? own : kind);
  if (family !== undefined) return modelOf(family.family, label, family.read(new ConfigReader(fields, label)));
  if (type === undefined) throw notAConfiguration(config);
  const known = FAMILIES.flatMap(({ modelTypes }) => modelTypes);
  throw new PlannerError('UNKNOWN_ARCHITECTURE', {
    message: `The \`model_type\` ${shown(kind)} is not known for training.`,
    culprit: 'model_type',
    value: kind,
    limit: `one of ${known.join(', ')}`,
    remedy: `The types are ${known.join(', ')}.`,
  });
}

/** The names of the models that are built in. */
export const BUILT_IN_MODELS: readonly string[] = Object.keys(BUILT_IN_CONFIGS);

/** A model that is built in, such as `opt-125m`. @throws PlannerError `BAD_ARGUMENT` for an unknown name */
export function builtInModel(name: string): TrainingModel {
  const isKnown = typeof name === 'string' && Object.hasOwn(BUILT_IN_CONFIGS, name);
  if (isKnown) return modelFromConfig(BUILT_IN_CONFIGS[name], name);
  const nearest = typeof name === 'string' ? nearestName(name, BUILT_IN_MODELS) : null;
  throw new PlannerError('BAD_ARGUMENT', {
    message: `There is no built-in model ${shown(name)}${nearest === null ? '' : `, but there is \`${nearest}\``}.`,
    culprit: 'model',
    value: name,
    limit: `one of ${BUILT_IN_MODELS.join(', ')}`,
    remedy: 'Use one of these names, or the config.json of the model.',
  });
}

/** A model that may stand for itself by its name. @throws PlannerError `BAD_ARGUMENT` */
export function describe(model: TrainingModel | string): TrainingModel {
  return typeof model === 'string' ? builtInModel(model) : model;
}

function notAConfiguration(value: unknown): PlannerError {
  return new PlannerError('BAD_MODEL', {
    message: `The configuration of a model is an object with a field \`model_type\`, not ${shown(value)}.`,
    culprit: 'config',
    value,
    limit: 'an object with the field model_type',
    remedy: 'Take the config.json that lies beside the weights of the model.',
  });
}

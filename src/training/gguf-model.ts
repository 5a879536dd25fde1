/**
 * The model in a GGUF file as a configuration of Hugging Face, so that its original can be trained.
 *
 * Invariant: the weights of the file do not matter, only the numbers in its header.
 */
import { PlannerError, shown } from '../errors.js';
import type { Gguf, GgufValue } from '../gguf/types.js';
import type { TrainingModel } from './model.js';
import { modelFromConfig } from './read-model.js';

/** By `general.architecture`: the kind of model there. */
const TYPES: Readonly<Record<string, string>> = {
  llama: 'llama',
  qwen2: 'qwen2',
  qwen3: 'qwen3',
  gemma2: 'gemma2',
  gemma3: 'gemma3_text',
  phi3: 'phi3',
  gpt2: 'gpt2',
  gptneox: 'gpt_neox',
  bloom: 'bloom',
};

/** Fields of configurations by keys of the header, without the architecture before them. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  embedding_length: ['hidden_size', 'n_embd'],
  block_count: ['num_hidden_layers', 'n_layer'],
  'attention.head_count': ['num_attention_heads', 'n_head'],
  'attention.head_count_kv': ['num_key_value_heads'],
  'attention.key_length': ['head_dim'],
  feed_forward_length: ['intermediate_size', 'n_inner'],
  context_length: ['max_position_embeddings', 'n_positions'],
  'attention.sliding_window': ['sliding_window'],
  use_parallel_residual: ['use_parallel_residual'],
};

/**
 * The model whose weights a GGUF file holds.
 *
 * @throws PlannerError `UNKNOWN_ARCHITECTURE` for other kinds of models; `BAD_MODEL` if a needed number is missing
 */
export function modelFromGguf(gguf: Gguf): TrainingModel {
  const { metadata, tensors, name } = checked(gguf);
  const architecture = metadata['general.architecture'];
  const type = typeof architecture === 'string' && Object.hasOwn(TYPES, architecture) ? TYPES[architecture] : null;
  if (type === null) {
    throw new PlannerError('UNKNOWN_ARCHITECTURE', {
      message: `Models of the architecture ${shown(architecture)} are not known for training.`,
      culprit: 'general.architecture',
      value: architecture,
      limit: `one of ${Object.keys(TYPES).join(', ')}`,
      remedy: `The architectures are ${Object.keys(TYPES).join(', ')}.`,
    });
  }
  const config: Record<string, GgufValue> = { model_type: type };
  for (const [key, fields] of Object.entries(FIELDS)) {
    const value = metadata[`${String(architecture)}.${key}`];
    if (value !== undefined) for (const field of fields) config[field] = value;
  }
  const table = tensors.find((tensor) => tensor.name === 'token_embd.weight');
  if (table !== undefined) config.vocab_size = table.ne[1];
  config.tie_word_embeddings = !tensors.some((tensor) => tensor.name === 'output.weight');
  return modelFromConfig(config, name);
}

function checked(gguf: Gguf): Gguf {
  const isHeader = typeof gguf === 'object' && gguf !== null && Array.isArray(gguf.tensors);
  if (isHeader && typeof gguf.metadata === 'object' && gguf.metadata !== null) return gguf;
  throw new PlannerError('BAD_ARGUMENT', {
    message: `A model is read of the header of a GGUF file, not of ${shown(gguf)}.`,
    culprit: 'gguf',
    value: gguf,
    limit: 'what readGguf yields',
    remedy: 'Read the file with readGguf first.',
  });
}

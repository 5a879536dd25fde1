/**
 * Configurations of well-known models, by name: the fields of their `config.json` that decide shapes.
 */

type Config = Readonly<Record<string, number | string | boolean>>;

const opt = (hidden: number, layers: number, heads: number, more: Config = {}): Config => ({
  model_type: 'opt',
  vocab_size: 50272,
  hidden_size: hidden,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  ffn_dim: 4 * hidden,
  max_position_embeddings: 2048,
  ...more,
});

const gpt2 = (width: number, layers: number, heads: number): Config => ({
  model_type: 'gpt2',
  vocab_size: 50257,
  n_embd: width,
  n_layer: layers,
  n_head: heads,
  n_positions: 1024,
});

const bloom = (hidden: number, layers: number, heads: number): Config => ({
  model_type: 'bloom',
  vocab_size: 250880,
  hidden_size: hidden,
  n_layer: layers,
  n_head: heads,
});

const codegen = (width: number, layers: number, heads: number, rotary: number): Config => ({
  model_type: 'codegen',
  vocab_size: 51200,
  n_embd: width,
  n_layer: layers,
  n_head: heads,
  n_positions: 2048,
  rotary_dim: rotary,
});

const pythia = (hidden: number, layers: number, heads: number, vocab = 50304): Config => ({
  model_type: 'gpt_neox',
  vocab_size: vocab,
  hidden_size: hidden,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  intermediate_size: 4 * hidden,
  rotary_pct: 0.25,
});

const llamaKin =
  (type: string, vocab: number) =>
  (hidden: number, ffn: number, layers: number, heads: number, kvHeads: number, more: Config = {}): Config => ({
    model_type: type,
    vocab_size: vocab,
    hidden_size: hidden,
    intermediate_size: ffn,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    ...more,
  });

const llama2 = llamaKin('llama', 32000);
const llama3 = llamaKin('llama', 128256);
const mistral = llamaKin('mistral', 32000);
const mixtral = llamaKin('mixtral', 32000);
const qwen2 = llamaKin('qwen2', 151936);
const qwen2Large = llamaKin('qwen2', 152064);
const qwen3 = llamaKin('qwen3', 151936);
const gemma2 = llamaKin('gemma2', 256000);
const gemma3 = llamaKin('gemma3_text', 262144);
const phi3 = llamaKin('phi3', 32064);
const tied = { tie_word_embeddings: true };

const t5 = (width: number, ffn: number, layers: number, heads: number, kv = 64): Config => ({
  model_type: 't5',
  vocab_size: 32128,
  d_model: width,
  d_kv: kv,
  d_ff: ffn,
  num_layers: layers,
  num_heads: heads,
});

/** The configurations, by the names that users know. */
export const BUILT_IN_CONFIGS: Readonly<Record<string, Config>> = {
  'opt-125m': opt(768, 12, 12),
  'opt-350m': opt(1024, 24, 16, { word_embed_proj_dim: 512, do_layer_norm_before: false }),
  'opt-1.3b': opt(2048, 24, 32),
  'opt-2.7b': opt(2560, 32, 32),
  'opt-6.7b': opt(4096, 32, 32),
  'opt-13b': opt(5120, 40, 40),
  gpt2: gpt2(768, 12, 12),
  'gpt2-medium': gpt2(1024, 24, 16),
  'gpt2-large': gpt2(1280, 36, 20),
  'gpt2-xl': gpt2(1600, 48, 25),
  'bloom-560m': bloom(1024, 24, 16),
  'bloom-1b1': bloom(1536, 24, 16),
  'bloom-1b7': bloom(2048, 24, 16),
  'bloom-3b': bloom(2560, 30, 32),
  'bloom-7b1': bloom(4096, 30, 32),
  'codegen-350m': codegen(1024, 20, 16, 32),
  'codegen-2b': codegen(2560, 32, 32, 64),
  'codegen-6b': codegen(4096, 33, 16, 64),
  'pythia-70m': pythia(512, 6, 8),
  'pythia-160m': pythia(768, 12, 12),
  'pythia-410m': pythia(1024, 24, 16),
  'pythia-1b': pythia(2048, 16, 8),
  'pythia-1.4b': pythia(2048, 24, 16),
  'pythia-2.8b': pythia(2560, 32, 32),
  'pythia-6.9b': pythia(4096, 32, 32, 50432),
  'tinyllama-1.1b': llama2(2048, 5632, 22, 32, 4),
  'llama-2-7b': llama2(4096, 11008, 32, 32, 32),
  'llama-2-13b': llama2(5120, 13824, 40, 40, 40),
  'llama-2-70b': llama2(8192, 28672, 80, 64, 8),
  'llama-3-8b': llama3(4096, 14336, 32, 32, 8),
  'llama-3.1-8b': llama3(4096, 14336, 32, 32, 8),
  'llama-3.1-70b': llama3(8192, 28672, 80, 64, 8),
  'llama-3.2-1b': llama3(2048, 8192, 16, 32, 8, { ...tied, head_dim: 64 }),
  'llama-3.2-3b': llama3(3072, 8192, 28, 24, 8, { ...tied, head_dim: 128 }),
  'mistral-7b': mistral(4096, 14336, 32, 32, 8, { sliding_window: 4096 }),
  'mixtral-8x7b': mixtral(4096, 14336, 32, 32, 8, { num_local_experts: 8, num_experts_per_tok: 2 }),
  'qwen2.5-0.5b': qwen2(896, 4864, 24, 14, 2, tied),
  'qwen2.5-1.5b': qwen2(1536, 8960, 28, 12, 2, tied),
  'qwen2.5-3b': qwen2(2048, 11008, 36, 16, 2, tied),
  'qwen2.5-7b': qwen2Large(3584, 18944, 28, 28, 4),
  'qwen2.5-14b': qwen2Large(5120, 13824, 48, 40, 8),
  'qwen3-0.6b': qwen3(1024, 3072, 28, 16, 8, { ...tied, head_dim: 128 }),
  'qwen3-1.7b': qwen3(2048, 6144, 28, 16, 8, { ...tied, head_dim: 128 }),
  'qwen3-4b': qwen3(2560, 9728, 36, 32, 8, { ...tied, head_dim: 128 }),
  'qwen3-8b': qwen3(4096, 12288, 36, 32, 8, { head_dim: 128 }),
  'gemma-2-2b': gemma2(2304, 9216, 26, 8, 4, { head_dim: 256, sliding_window: 4096 }),
  'gemma-2-9b': gemma2(3584, 14336, 42, 16, 8, { head_dim: 256, sliding_window: 4096 }),
  'gemma-3-1b': gemma3(1152, 6912, 26, 4, 1, { head_dim: 256, sliding_window: 512 }),
  'phi-3-mini': phi3(3072, 8192, 32, 32, 32, { sliding_window: 2047 }),
  't5-small': t5(512, 2048, 6, 8),
  't5-base': t5(768, 3072, 12, 12),
  't5-large': t5(1024, 4096, 24, 16),
};

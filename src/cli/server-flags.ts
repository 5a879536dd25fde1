/**
 * Flags of llama-server (b10573), llama-cli and llama-perplexity that stand in many a command line and are none of ours: how many values
 * they take, and whether memory depends on them.
 */

/** Flags that are alike. */
export interface ServerFlags {
  /** How many values follow each. */
  readonly arity: number;
  /** Words that are a value, too, if one of them follows: some releases take it, others don't. */
  readonly optional?: readonly string[];
  /** What of memory they are about and nothing here counts; absent where they make no difference for it. */
  readonly about?: string;
  /** Separated by white space. */
  readonly names: string;
}

export const SERVER_FLAGS: readonly ServerFlags[] = [
  {
    arity: 0,
    optional: ['on', 'off', 'auto'],
    names: `
    -co --color`,
  },
  {
    arity: 0,
    names: `
    -cl --cache-list --completion-bash --perf --no-perf -e --escape --no-escape --mlock --mmap --no-mmap -dio
    --direct-io -ndio --no-direct-io --list-devices --check-tensors --log-disable -v --verbose --log-verbose
    --offline --log-prefix --no-log-prefix --log-timestamps --no-log-timestamps --ignore-eos --cache-idle-slots
    --no-cache-idle-slots --context-shift --no-context-shift --warmup --no-warmup --spm-infill -cb
    --cont-batching -nocb --no-cont-batching --reuse-port --cors-credentials --no-cors-credentials
    --ui-mcp-proxy --webui-mcp-proxy --no-ui-mcp-proxy --no-webui-mcp-proxy -ag --agent -no-ag --no-agent --ui
    --webui --no-ui --no-webui --cache-prompt --no-cache-prompt --metrics --props --slots --no-slots --jinja
    --no-jinja --reasoning-preserve --no-reasoning-preserve --skip-chat-parsing --no-skip-chat-parsing
    --prefill-assistant --no-prefill-assistant --lora-init-without-apply -sp --special --no-mmproj
    --no-mmproj-auto -cnv --conversation -no-cnv --no-conversation -st --single-turn -i --interactive -if
    --interactive-first -mli --multiline-input --in-prefix-bos --display-prompt --no-display-prompt
    --verbose-prompt --simple-io --show-timings --no-show-timings --prompt-cache-all --prompt-cache-ro`,
  },
  {
    arity: 1,
    names: `
    -t --threads -tb --threads-batch -C --cpu-mask -Cr --cpu-range --cpu-strict --prio --poll -Cb
    --cpu-mask-batch -Crb --cpu-range-batch --cpu-strict-batch --prio-batch --poll-batch -n --predict
    --n-predict --keep --rope-scaling --rope-scale --rope-freq-base --rope-freq-scale --yarn-orig-ctx
    --yarn-ext-factor --yarn-attn-factor --yarn-beta-slow --yarn-beta-fast -dt --defrag-thold -lm --load-mode
    --numa -hft --hf-token --log-file --log-colors -lv --verbosity --log-verbosity --samplers -s --seed
    --sampler-seq --sampling-seq --temp --temperature --top-k --top-p --min-p --top-nsigma --top-n-sigma
    --xtc-probability --xtc-threshold --typical --typical-p --repeat-last-n --repeat-penalty --presence-penalty
    --frequency-penalty --dry-multiplier --dry-base --dry-allowed-length --dry-penalty-last-n
    --dry-sequence-breaker --adaptive-target --adaptive-decay --dynatemp-range --dynatemp-exp --mirostat
    --mirostat-lr --mirostat-ent -l --logit-bias --grammar --grammar-file -j --json-schema -jf
    --json-schema-file -lcs --lookup-cache-static -lcd --lookup-cache-dynamic -r --reverse-prompt -a --alias
    --tags --embd-normalize --host --port --path --cors-origins --cors-methods --cors-headers --api-prefix
    --ui-config --webui-config --ui-config-file --webui-config-file --tools --tools-runtime --mcp-servers-config
    --mcp-servers-json --api-key --api-key-file --ssl-key-file --ssl-cert-file --chat-template-kwargs -to
    --timeout --sse-ping-interval --threads-http --cache-reuse --slot-save-path --media-path --reasoning-format
    -rea --reasoning --reasoning-effort --reasoning-budget --reasoning-budget-message --chat-template
    --chat-template-file -sps --slot-prompt-similarity --sleep-idle-seconds --log-prompts-dir
    -p --prompt -f --file -bf --binary-file -sys --system-prompt -sysf --system-prompt-file --in-prefix
    --in-suffix -ptc --print-token-count --prompt-cache --chunks --ppl-output-type --hellaswag-tasks
    --winogrande-tasks --multiple-choice-tasks --save-all-logits --kl-divergence-base`,
  },
  {
    arity: 0,
    about: 'layers, tensors and caches on devices: the figures are those of the CPU backend',
    names: `
    -kvo --kv-offload -nkvo --no-kv-offload --no-host -cmoe --cpu-moe --op-offload --no-op-offload`,
  },
  {
    arity: 1,
    about: 'layers, tensors and caches on devices: the figures are those of the CPU backend',
    names: `
    -ot --override-tensor -ncmoe --n-cpu-moe -ngl --gpu-layers --n-gpu-layers -sm
    --split-mode -ts --tensor-split -mg --main-gpu`,
  },
  {
    arity: 1,
    about: 'which devices take part: measure takes them as --gpu, each by its memory',
    names: `
    -dev --device`,
  },
  {
    arity: 1,
    about: 'devices of other machines: give each to measure as --gpu, as if it were here',
    names: `
    --rpc`,
  },
  {
    arity: 0,
    about: 'weights that are repacked while they are loaded',
    names: `
    --repack -nr --no-repack`,
  },
  {
    arity: 1,
    about: 'what llama.cpp changes by itself so that a model fits: measure does the same with --gpu',
    names: `
    -fit --fit -fitt --fit-target -fitc --fit-ctx`,
  },
  {
    arity: 0,
    about: 'the projector of images and sound',
    names: `
    --mmproj-auto --mmproj-offload --no-mmproj-offload`,
  },
  {
    arity: 1,
    about: 'the projector of images and sound',
    names: `
    --image --audio --video -mm --mmproj -mmu --mmproj-url -mmdev --mmproj-device --image-min-tokens --image-max-tokens
    --mtmd-batch-max-tokens`,
  },
  {
    arity: 1,
    about: 'a context that is longer by half the stride',
    names: `
    --ppl-stride`,
  },
  {
    arity: 1,
    about: 'adapters',
    names: `
    --lora --lora-scaled`,
  },
  {
    arity: 1,
    about: 'control vectors',
    names: `
    --control-vector --control-vector-scaled`,
  },
  {
    arity: 2,
    about: 'control vectors',
    names: `
    --control-vector-layer-range`,
  },
  {
    arity: 0,
    about: 'sampling in the graph',
    names: `
    -bs --backend-sampling`,
  },
  {
    arity: 1,
    about: 'changed metadata: the figures are those of the file as it is',
    names: `
    --override-kv`,
  },
  {
    arity: 1,
    about: 'prompts that the server keeps in ordinary memory',
    names: `
    -ctxcp --ctx-checkpoints --swa-checkpoints -cms --checkpoint-min-step -cram --cache-ram`,
  },
  {
    arity: 0,
    about: 'models that llama.cpp finds by itself: name the file or its URL',
    names: `
    --models-autoload --no-models-autoload --embd-gemma-default --fim-qwen-1.5b-default --fim-qwen-3b-default
    --fim-qwen-7b-default --fim-qwen-7b-spec --fim-qwen-14b-spec --fim-qwen-30b-default --gpt-oss-20b-default
    --gpt-oss-120b-default --vision-gemma-4b-default --vision-gemma-12b-default`,
  },
  {
    arity: 1,
    about: 'models that llama.cpp finds by itself: name the file or its URL',
    names: `
    -dr --docker-repo -hf -hfr --hf-repo -hff --hf-file --models-dir --models-preset
    --models-max`,
  },
  {
    arity: 0,
    about: 'a second model, or further tokens, for speculative decoding',
    names: `
    --spec-draft-cpu-moe -cmoed --cpu-moe-draft --spec-draft-backend-sampling --no-spec-draft-backend-sampling
    --spec-default`,
  },
  {
    arity: 1,
    about: 'a second model, or further tokens, for speculative decoding',
    names: `
    --spec-draft-type-k -ctkd --cache-type-k-draft --spec-draft-type-v -ctvd --cache-type-v-draft
    --spec-draft-hf -hfd -hfrd --hf-repo-draft --spec-draft-threads -td --threads-draft
    --spec-draft-threads-batch -tbd --threads-batch-draft --spec-draft-cpu-mask -Cd --cpu-mask-draft
    --spec-draft-cpu-range -Crd --cpu-range-draft --spec-draft-cpu-strict --cpu-strict-draft --spec-draft-prio
    --prio-draft --spec-draft-poll --poll-draft --spec-draft-cpu-mask-batch -Cbd --cpu-mask-batch-draft
    --spec-draft-cpu-strict-batch --cpu-strict-batch-draft --spec-draft-prio-batch --prio-batch-draft
    --spec-draft-poll-batch --poll-batch-draft --spec-draft-override-tensor -otd --override-tensor-draft
    --spec-draft-n-cpu-moe --spec-draft-ncmoe -ncmoed --n-cpu-moe-draft --spec-draft-n-max --spec-draft-n-min
    --spec-draft-p-split --draft-p-split --spec-draft-p-min --draft-p-min --spec-draft-device -devd
    --device-draft --spec-draft-ngl -ngld --gpu-layers-draft --n-gpu-layers-draft --spec-draft-model -md
    --model-draft --spec-type --spec-ngram-mod-n-min --spec-ngram-mod-n-max --spec-ngram-mod-n-match
    --spec-ngram-simple-size-n --spec-ngram-simple-size-m --spec-ngram-simple-min-hits --spec-ngram-map-k-size-n
    --spec-ngram-map-k-size-m --spec-ngram-map-k-min-hits --spec-ngram-map-k4v-size-n
    --spec-ngram-map-k4v-size-m --spec-ngram-map-k4v-min-hits --draft --draft-n --draft-max --draft-min
    --draft-n-min --spec-ngram-size-n --spec-ngram-size-m --spec-ngram-min-hits`,
  },
];

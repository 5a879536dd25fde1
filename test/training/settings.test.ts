/**
 * Runs that nobody has recorded: what must hold of any training step, and sizes that follow from arithmetic.
 */
import { describe, expect, it } from 'vitest';
import { graphFromJson, graphToJson, planGraph, verifyPlan } from '../../src/index.js';
import {
  BUILT_IN_MODELS,
  builtInModel,
  measureTraining,
  modelFromConfig,
  trainingCaseFromJson,
  trainingStep,
  type TrainingModel,
  type TrainingRun,
} from '../../src/training/index.js';
import { expectError } from '../support/expect-error.js';

/** Parameters as published with the models. */
const PUBLISHED: readonly (readonly [string, number])[] = [
  ['opt-125m', 125_239_296],
  ['opt-350m', 331_196_416],
  ['opt-1.3b', 1_315_758_080],
  ['gpt2', 124_439_808],
  ['gpt2-xl', 1_557_611_200],
  ['bloom-560m', 559_214_592],
  ['codegen-350m', 356_712_448],
  ['pythia-410m', 405_334_016],
  ['llama-2-7b', 6_738_415_616],
  ['llama-3.1-8b', 8_030_261_248],
  ['mistral-7b', 7_241_732_096],
  ['mixtral-8x7b', 46_702_792_704],
  ['qwen2.5-7b', 7_615_616_512],
  ['qwen3-4b', 4_022_468_096],
  ['gemma-2-2b', 2_614_341_888],
  ['gemma-3-1b', 999_885_952],
  ['phi-3-mini', 3_821_079_552],
  ['t5-large', 737_668_096],
];

/** The smallest model of each family, cut down to two blocks. */
const SMALL: readonly TrainingModel[] = [
  ...['opt-125m', 'opt-350m', 'gpt2', 'bloom-560m', 'codegen-350m', 'pythia-70m', 'tinyllama-1.1b', 'mistral-7b'],
  ...['qwen2.5-0.5b', 'qwen3-0.6b', 'gemma-2-2b', 'gemma-3-1b', 'phi-3-mini', 'mixtral-8x7b', 't5-small'],
].map((name) => {
  const model = builtInModel(name);
  return { ...model, layers: 2, decoderLayers: Math.min(2, model.decoderLayers) };
});

const SHAPE = { batch: 2, sequence: 24 } as const;

const RUNS: readonly TrainingRun[] = [
  { ...SHAPE },
  { ...SHAPE, attention: 'eager', checkpointing: 'layer', precision: 'bf16' },
  { ...SHAPE, checkpointing: { every: 2 }, precision: 'bf16-amp', implementation: 'foreach' },
  { ...SHAPE, method: 'lora', precision: 'fp16', checkpointing: 'layer', device: 'cuda' },
  { ...SHAPE, method: 'qlora', precision: 'bf16', optimizer: 'paged-adamw-8bit', device: 'cuda' },
  { ...SHAPE, stepInBackward: true, lossChunks: 4, optimizer: 'adafactor', device: 'cuda' },
  { ...SHAPE, offloadActivations: true, checkpointing: 'layer', optimizer: 'lion', precision: 'bf16', device: 'cuda' },
];

describe('built-in models', () => {
  it.each(PUBLISHED)('%s has %d parameters', (name, count) => {
    const run = { batch: 1, sequence: 2 };
    expect(trainingStep(name, run).counts.parameters).toBe(count);
  });

  it('are all known', () => expect(BUILT_IN_MODELS.map(builtInModel).map(({ name }) => name)).toEqual(BUILT_IN_MODELS));
});

describe.each(SMALL.map((model) => [model.name, model] as const))('%s', (_, model) => {
  it.each(RUNS.map((run) => [JSON.stringify(run), run] as const))('%s: nothing is left behind', (__, run) => {
    const { steady, atRest, gradients, counts, parameters } = measureTraining(model, run);
    const { end } = steady.phases.step;
    // With frozen weights and checkpoints the embeddings and their gradients live as long as the loss.
    const isHeld = run.method === 'lora' && run.checkpointing === 'layer';
    const stacks = model.decoderLayers > 0 ? 2 : 1;
    const held = isHeld ? stacks * 2 * 2 * SHAPE.batch * SHAPE.sequence * model.embeddingWidth : 0;
    // The loss, in fp32 or as T5 has it in the type of the logits.
    expect([2, 4].map((bytes) => atRest + gradients + held + bytes)).toContain(end);
    expect(counts.trainable).toBeLessThanOrEqual(counts.parameters);
    if (run.method === undefined) expect(counts.trainable).toBe(counts.parameters);
    expect(steady.peak).toBeGreaterThan(parameters);
    expect(Object.values(steady.byKind).reduce((sum, bytes) => sum + bytes, 0)).toBe(steady.peak);
  });
});

describe('a training step', () => {
  const model = modelFromConfig({
    model_type: 'gpt2',
    vocab_size: 96,
    n_embd: 32,
    n_layer: 2,
    n_head: 2,
    n_positions: 16,
  });
  const run = { batch: 2, sequence: 16 };

  it('is a graph that can be planned, at its live load', () => {
    const { graph } = trainingStep(model, run);
    const plan = planGraph(graph, { reuse: 'off', runtime: 'none', alignment: 1 });
    expect(verifyPlan(graph, plan)).toEqual([]);
    expect(plan.lowerBound).toBe(measureTraining(model, run).steadyPeak);
  });

  it('keeps its operations in a file', () => {
    const { graph } = trainingStep(model, run);
    const read = graphFromJson(graphToJson(graph));
    expect(read.nodes.map(({ op }) => op)).toEqual(graph.nodes.map(({ op }) => op));
  });

  it('updates in the backward pass without gradients at its end', () => {
    const run2 = { ...run, stepInBackward: true };
    expect(measureTraining(model, run2).gradients).toBe(0);
    expect(measureTraining(model, run2).steadyPeak).toBeLessThan(measureTraining(model, run).steadyPeak);
  });

  it('moves to the host what the forward pass saves', () => {
    const moved = measureTraining(model, { ...run, offloadActivations: true });
    const plain = measureTraining(model, run);
    expect(moved.host.activations).toBeGreaterThan(0);
    expect(moved.activations).toBeLessThan(plain.activations / 2);
    expect(plain.host).toEqual({ activations: 0, optimizerStates: 0 });
  });

  it('rounds every allocation', () => {
    const { steadyPeak, parameters } = measureTraining(model, run, { alignment: 512 });
    expect([steadyPeak % 512, parameters % 512]).toEqual([0, 0]);
    expect(steadyPeak).toBeGreaterThan(measureTraining(model, run).steadyPeak);
  });
});

describe('states of optimisers', () => {
  const model = builtInModel('pythia-70m');
  const states = (run: Partial<TrainingRun>): readonly number[] => {
    const { optimizerStates, host } = measureTraining(model, { batch: 1, sequence: 4, precision: 'bf16', ...run });
    return [optimizerStates, host.optimizerStates];
  };
  const count = 70_426_624;
  /** LayerNorms: 13 of them, with two vectors of 512; biases: of 2048 + 1536 + 512 + 512 in six blocks. */
  const small = 13 * 2 * 512 + 6 * (2048 + 1536 + 512 + 512);
  const large = count - small;
  const tensors = 13 * 2 + 6 * 8 + 2;

  it('take two bytes each for AdamW in bf16, and a counter', () => {
    expect(states({})).toEqual([2 * 2 * count + 4 * tensors, 0]);
    expect(states({ device: 'cuda' })).toEqual([2 * 2 * count, 4 * tensors]);
    expect(states({ device: 'cuda', implementation: 'fused' })).toEqual([2 * 2 * count + 4 * tensors, 0]);
  });

  it('take a byte each in 8 bits, and a scale for 256; small ones stay in fp32', () => {
    expect(states({ optimizer: 'adamw-8bit' })).toEqual([
      2 * large + (2 * 4 * large) / 256 + 2 * 4 * small + 2 * 1024,
      0,
    ]);
  });

  it('lie on the host where they are paged', () => {
    expect(states({ optimizer: 'paged-adamw' })).toEqual([2 * 4 * small, 2 * 4 * large]);
  });

  it('are one for momentum and for Lion, none for SGD', () => {
    expect(states({ optimizer: 'sgd' })).toEqual([0, 0]);
    expect(states({ optimizer: 'sgd-momentum' })).toEqual([2 * count, 0]);
    expect(states({ optimizer: 'lion' })).toEqual([4 * count, 0]);
  });

  it('are rows and columns for Adafactor', () => {
    const matrices = [
      [50304, 512],
      [50304, 512],
    ].concat(
      Array.from({ length: 6 }, () => [
        [1536, 512],
        [512, 512],
        [2048, 512],
        [512, 2048],
      ]).flat(),
    );
    const factors = matrices.reduce((sum, [rows, columns]) => sum + rows + columns, 0);
    expect(states({ optimizer: 'adafactor' })).toEqual([4 * (factors + small), 0]);
  });
});

describe('QLoRA', () => {
  it('stores linear layers in four bits, their scales in eight, and the rest as it is', () => {
    const model = builtInModel('tinyllama-1.1b');
    const run: TrainingRun = { batch: 1, sequence: 4, precision: 'bf16', method: 'qlora', lora: { rank: 4 } };
    const { parameters, counts } = measureTraining(model, run);
    const [hidden, kv, ffn, blocks] = [2048, 256, 5632, 22];
    const layers = [
      hidden * hidden,
      kv * hidden,
      kv * hidden,
      hidden * hidden,
      ffn * hidden,
      ffn * hidden,
      ffn * hidden,
    ];
    const stored = layers.map((n) => n / 2 + n / 64 + 4 * Math.ceil(n / 64 / 256) + 4 * (16 + 256 + 1));
    const four = blocks * stored.reduce((sum, bytes) => sum + bytes, 0);
    const rest = 2 * (2 * 32000 * hidden + (2 * blocks + 1) * hidden);
    expect(counts.trainable).toBe(blocks * 4 * (hidden + hidden + hidden + kv));
    expect(parameters).toBe(four + rest + 4 * counts.trainable);
  });
});

describe('a document', () => {
  it.each(['gpt2', 'opt-125m', 'pythia-70m', 'llama-3.2-1b', 't5-small'] as const)(
    'says %s in the words of the library',
    (name) => {
      const run = { batch: 1, sequence: 8 };
      const document = JSON.parse(JSON.stringify({ model: builtInModel(name), run })) as unknown;
      const { model, run: read } = trainingCaseFromJson(document);
      expect(measureTraining(model, read).steadyPeak).toBe(measureTraining(name, run).steadyPeak);
    },
  );
});

describe('what cannot be trained gets one sentence:', () => {
  const run = { batch: 1, sequence: 8 };

  it('a configuration without a needed field', () => {
    const work = (): unknown => modelFromConfig({ model_type: 'llama', vocab_size: 32, hidden_size: 8 }, 'mine');
    expectError('BAD_MODEL', 'num_attention_heads', work);
    expect(work).toThrow('The configuration of "mine" has no field `num_attention_heads`.');
  });

  it('a configuration with a wrong one', () => {
    const config = { model_type: 'gpt2', vocab_size: 32, n_embd: 8, n_layer: 1.5, n_head: 2, n_positions: 8 };
    expectError('BAD_MODEL', /n_layer/, () => modelFromConfig(config));
  });

  it('another kind of model', () => {
    expectError('UNKNOWN_ARCHITECTURE', 'model_type', () => modelFromConfig({ model_type: 'mamba' }));
  });

  it('an unknown name, optimiser, layer, or field', () => {
    expectError('BAD_ARGUMENT', 'model', () => builtInModel('gpt3'));
    const optimizer = 'adan' as 'adamw';
    expectError('BAD_ARGUMENT', 'optimizer', () => measureTraining('gpt2', { ...run, optimizer }));
    const lora = { rank: 4, targets: ['q_proj'] };
    expectError('BAD_ARGUMENT', 'target of lora', () => measureTraining('gpt2', { ...run, method: 'lora', lora }));
    const document = { model: { family: 'gpt2' }, run: { ...run, world: 2 } };
    expectError('BAD_MODEL', 'hidden', () => trainingCaseFromJson(document));
  });

  it('a document with a field that no run has', () => {
    const model = { family: 'small-gpt', vocab: 8, hidden: 8, layers: 1, heads: 1, ffn: 8, positions: 8 };
    expectError('BAD_DOCUMENT', /world/, () => trainingCaseFromJson({ model, run: { ...run, world: 2 } }));
  });
});

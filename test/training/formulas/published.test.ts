/**
 * The formulas of others give the numbers that their sources print, and compute what their sources write down.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  deepspeedZero2,
  deepspeedZero3,
  type DeepSpeedEstimate,
  type DeepSpeedInput,
} from '../../../src/training/formulas/deepspeed.js';
import { dnnmem } from '../../../src/training/formulas/dnnmem.js';
import { llmem, llmemPaper } from '../../../src/training/formulas/llmem.js';
import {
  megatronActivations,
  megatronBytesPerParameter,
  megatronLayerActivations,
  type MegatronLayer,
} from '../../../src/training/formulas/megatron.js';
import { ruleOfThumb } from '../../../src/training/formulas/rule-of-thumb.js';
import { describeShared } from '../../support/shared.js';
import { evaluate, readTable, type Row } from '../../support/training-tables.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const UNIT = 2 * MIB;

describe('the rule of thumb', () => {
  it('takes 2X bytes to run, 4X with gradients, 8X with AdamW', () => {
    const parameters = 7e9;
    expect(ruleOfThumb({ parameters, trainable: 0 })).toBe(2 * parameters);
    expect(ruleOfThumb({ parameters, statesPerParameter: 0 })).toBe(4 * parameters);
    expect(ruleOfThumb({ parameters })).toBe(8 * parameters);
    expect(ruleOfThumb({ parameters, elementBytes: 4 })).toBe(16 * parameters);
  });
});

/** The estimate for counts that lie `share` of the last digit that the table prints above or below its counts. */
function deepspeedOf(row: Row, share: number): DeepSpeedEstimate {
  const input: DeepSpeedInput = {
    parameters: shifted(row.parameters, share),
    gpusPerNode: Number(row.gpus),
    offload: row.offload as DeepSpeedInput['offload'],
  };
  if (row.zero_stage === '2') return deepspeedZero2(input);
  return deepspeedZero3({ ...input, largestLayer: shifted(row.largest_layer, share), zeroInit: row.zero_init !== '0' });
}

/** A count that was printed in millions, hundred thousands or the like, moved by a share of that unit. */
const shifted = (count: string, share: number): number =>
  Number(count) + Math.round(share * 10 ** /0*$/.exec(count)![0].length);

describeShared('DeepSpeed’s estimators', () => {
  it.each(readTable('deepspeed-estimator').map((row, index) => [index, row] as const))('row %i', (_, row) => {
    const [low, high] = [deepspeedOf(row, -0.5), deepspeedOf(row, 0.5)];
    const isPrinted = (printed: string, least: number, most: number, digit: number): void => {
      expect(Number(printed)).toBeGreaterThan(least - digit);
      expect(Number(printed)).toBeLessThan(most + digit);
    };
    if (row.unit === 'MiB') isPrinted(row.per_gpu, low.gpu / MIB, high.gpu / MIB, 1);
    else isPrinted(row.per_gpu, low.gpu / GIB, high.gpu / GIB, 0.0051);
    if (row.per_cpu !== '') isPrinted(row.per_cpu, low.cpu / GIB, high.cpu / GIB, 0.0051);
  });

  it('compute what the source writes down', () => {
    const formulas = Object.fromEntries(readTable('deepspeed-formulas').map((row) => [row.condition, row.formula]));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e11 }),
        fc.integer({ min: 1, max: 1e9 }),
        fc.integer({ min: 1, max: 64 }),
        (P, L, n) => {
          const values = { P, L, n };
          const input = { parameters: P, gpusPerNode: n };
          const zero3 = { ...input, largestLayer: L };
          const cases: [string, DeepSpeedEstimate][] = [
            ['ZeRO-2, optimizer on CPU', deepspeedZero2({ ...input, offload: 'optimizer' })],
            ['ZeRO-2, no offload', deepspeedZero2(input)],
            ['ZeRO-3, no offload', deepspeedZero3(zero3)],
            ['ZeRO-3, both on CPU', deepspeedZero3({ ...zero3, offload: 'optimizer and parameters' })],
            ['ZeRO-3, optimizer on CPU', deepspeedZero3({ ...zero3, offload: 'optimizer' })],
          ];
          for (const [condition, { gpu }] of cases) {
            expect(Math.abs(gpu - evaluate(formulas[condition], values)), condition).toBeLessThan(1);
          }
        },
      ),
    );
  });
});

const MEGATRON: Readonly<Record<string, MegatronLayer>> = {
  'sequence parallelism, selective recompute': 'program, selective and sequence',
  without: 'program, other',
  'no recompute, tensor parallel': 'tensor',
  'and sequence parallel': 'tensor and sequence',
  'and selective recompute': 'selective',
  'full recompute': 'full',
};

describeShared('Megatron’s formulas', () => {
  const rows = readTable('megatron-formulas');
  const formulaOf = (quantity: string, condition = ''): string =>
    rows.find((row) => row.quantity === quantity && row.condition === condition)!.formula;
  const sizes = fc.record({
    s: fc.integer({ min: 1, max: 8192 }),
    b: fc.integer({ min: 1, max: 16 }),
    h: fc.integer({ min: 1, max: 16384 }),
    ffn: fc.integer({ min: 1, max: 65536 }),
    a: fc.integer({ min: 1, max: 128 }),
    t: fc.integer({ min: 1, max: 8 }),
    p: fc.integer({ min: 1, max: 16 }),
    v: fc.integer({ min: 1, max: 8 }),
    V: fc.integer({ min: 1, max: 200000 }),
  });
  const near = (found: number, expected: number): void => expect(Math.abs(found / expected - 1)).toBeLessThan(1e-12);

  it('of a layer compute what the sources write down', () => {
    const layers = rows.filter(({ quantity }) => quantity === 'activation bytes per layer');
    expect(layers.map(({ condition }) => condition).sort()).toEqual(Object.keys(MEGATRON).sort());
    fc.assert(
      fc.property(sizes, ({ s, b, h, ffn, a, t }) => {
        const input = { sequence: s, batch: b, hidden: h, ffn, heads: a, tensorParallel: t };
        for (const { condition, formula } of layers) {
          near(megatronLayerActivations(MEGATRON[condition], input), evaluate(formula, { s, b, h, ffn, a, t }));
        }
      }),
    );
  });

  it('of a rank add up layers, embedding, output layer and the factor of the schedule', () => {
    fc.assert(
      fc.property(sizes, ({ s, b, h, ffn, a, p, v, V }) => {
        const values = { s, b, h, ffn, a, t: 1, p, v, V };
        const layer = evaluate(
          formulaOf('activation bytes per layer', 'sequence parallelism, selective recompute'),
          values,
        );
        const embedding = evaluate(formulaOf('embedding activations'), values);
        const factor = evaluate(formulaOf('interleaved schedule factor'), values);
        const output = p === 1 ? evaluate(formulaOf('output layer activations', 'pp = 1'), values) : 0;
        const input = { sequence: s, batch: b, hidden: h, ffn, heads: a, layers: 7, vocabulary: V };
        const found = megatronActivations({ ...input, pipelineParallel: p, virtualStages: v });
        near(found, (7 * layer + embedding) * factor + output);
        near(megatronActivations({ ...input, tensorParallel: 4, pipelineParallel: p, virtualStages: v }), found / 4);
      }),
    );
  });

  it('of a parameter', () => {
    expect(megatronBytesPerParameter()).toBe(Number(formulaOf('bytes per parameter', 'no distributed optimizer')));
    const formula = formulaOf('bytes per parameter', 'distributed optimizer');
    for (const dp of [1, 2, 8, 64]) expect(megatronBytesPerParameter(dp)).toBe(evaluate(formula, { dp }));
  });
});

describe('Megatron’s paper', () => {
  // "5as/h is 80" for GPT-3 and 64 for MT-NLG, so that selective recomputation saves 70 % and 65 %.
  it.each([
    ['GPT-3', { sequence: 2048, batch: 1, hidden: 12288, heads: 96 }, 80, 70],
    ['MT-NLG', { sequence: 2048, batch: 1, hidden: 20480, heads: 128 }, 64, 65],
  ])('%s', (_, sizes, attention, saved) => {
    const elements = sizes.sequence * sizes.batch * sizes.hidden;
    const all = megatronLayerActivations('tensor and sequence', { ...sizes, tensorParallel: 8 });
    const selective = megatronLayerActivations('selective', { ...sizes, tensorParallel: 8 });
    expect((8 * (all - selective)) / elements).toBeCloseTo(attention, 9);
    expect(Math.round(100 * (1 - selective / all))).toBe(saved);
  });
});

describe('LLMem’s program', () => {
  // Two embeddings, two layers; by hand, in units of 2 MiB. Logits: 2 bytes × 4 × 512 × 50272 → 98.19 → 99; shifted 98.
  const input = {
    initial: 1000 * UNIT,
    parameterTensors: [50272 * 768, 2050 * 768, 768 * 768],
    embeddingWidths: [768, 768],
    layerWidths: [768, 768],
    batch: 4,
    sequence: 512,
    vocabulary: 50272,
  };
  const units = (tensors: number, outputs: number, logits: number): number =>
    (1000 + tensors + 1 + outputs + logits) * UNIT;

  it('adds up rounded tensors on one GPU', () => {
    // Tensors: 2 × ⌈73.64⌉, 2 × ⌈3.003⌉, then the last without states ⌈0.56⌉. Outputs: 2·4·512·768 = 1.5 units → 2.
    expect(llmem(input)).toBe(units(2 * 74 + 2 * 4 + 1, 4 * 2, 99 + 2 * 98));
  });

  it('takes 4 bytes a logit where it is told so', () => {
    expect(llmem({ ...input, logitBytes: 4 })).toBe(units(157, 8, 197 + 2 * 196));
  });

  it('splits the states among GPUs, and gathers the parameters', () => {
    // 73.64 / 4 = 18.41 → 19, gathered c2(37 · 3/4) = 28; 3.003 / 4 → 1, gathered c2(2 · 3/4) = 2; last 1.
    expect(llmem({ ...input, gpus: 4 })).toBe(units(2 * 19 + 28 + 2 + 2 + 1, 8, 295));
  });

  it('adds what tensor parallelism gathers', () => {
    // No gathered parameters where all GPUs share layers; per layer c2(1.5 · 3/4) = 2.
    expect(llmem({ ...input, gpus: 4, tensorParallel: 4 })).toBe(units(2 * 19 + 2 + 1, 8 + 2 * 2, 295));
    // DP 2 × TP 2: gathered c2(37 · (2/4 − 1/4)) = 10 and c2(2 · 1/4) = 1; per layer c2(1.5 / 2) = 1.
    expect(llmem({ ...input, gpus: 4, tensorParallel: 2 })).toBe(units(2 * 19 + 10 + 2 + 1 + 1, 8 + 2, 295));
  });
});

describe('LLMem’s paper', () => {
  it('rounds other parameters up to chunks, and everything to 2 MiB', () => {
    const found = llmemPaper({
      base: 300 * MIB,
      embeddingParameters: MIB,
      otherParameters: 3 * MIB + 1,
      chunk: MIB,
      parameterTensors: [MIB, 1],
      embeddings: 2,
      layers: 2,
      hidden: 1024,
      batch: 1,
      sequence: 512,
      vocabulary: 4096,
      headBytes: 8 * MIB,
    });
    // Parameters 5 Mi × 6 bytes, states 8 MiB and 2 MiB, outputs 4 × 1 MiB, logits 4 MiB and twice ⌈3.99⌉ → 4 MiB.
    expect(found).toBe((300 + 30 + 10 + 4 + 4 + 8 + 8) * MIB);
  });
});

describe('DNNMem’s formula', () => {
  it('counts weights twice, all outputs, and the largest scratch, in blocks of 512 bytes', () => {
    expect(dnnmem({ weights: [512, 1], outputs: [1000, 24], scratch: [10, 5000], context: 7 })).toBe(
      2 * (512 + 512) + 1024 + 512 + 5120 + 7,
    );
  });
});

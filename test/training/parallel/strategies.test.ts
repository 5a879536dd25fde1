/**
 * Strategies that no tracker recorded: pipelines, ZeRO, DDP, offloading and sequence parallelism, held to what defines them.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelOf } from '../../../src/training/families/family.js';
import { fitTraining } from '../../../src/training/parallel/fit-training.js';
import { measureDistributed, type DeviceMeasurement } from '../../../src/training/parallel/measure-distributed.js';
import { stageTimeline, turnsOf } from '../../../src/training/parallel/pipeline.js';
import {
  resolveStrategy,
  type PipelineSchedule,
  type TrainingStrategy,
} from '../../../src/training/parallel/strategy.js';
import { SLOTS, timelineOf } from '../../../src/training/parallel/timeline.js';
import { resolveRun } from '../../../src/training/resolve-run.js';
import type { TrainingRun } from '../../../src/training/run.js';
import { trainingStep } from '../../../src/training/step.js';
import { expectError } from '../../support/expect-error.js';

const model = modelOf('gpt2', 'a small GPT-2', {
  vocab: 512,
  hidden: 64,
  layers: 8,
  heads: 4,
  ffn: 256,
  positionRows: 64,
});
const run: TrainingRun = { batch: 8, sequence: 64 };

const devicesOf = (strategy: TrainingStrategy, more: Partial<TrainingRun> = {}): readonly DeviceMeasurement[] =>
  measureDistributed(model, { ...run, ...more }, strategy).devices;

const schedules = fc.record({
  schedule: fc.constantFrom<PipelineSchedule>('gpipe', '1f1b', 'interleaved'),
  pipelineParallel: fc.integer({ min: 2, max: 4 }),
  rounds: fc.integer({ min: 1, max: 4 }),
});

describe('the turns of a pipeline', () => {
  it('take each micro-batch through each part once, forward before backward, with as many alive as the schedule says', () => {
    fc.assert(
      fc.property(schedules, ({ schedule, pipelineParallel, rounds }) => {
        const microBatches = pipelineParallel * rounds;
        const strategy = resolveStrategy(model, microBatches, { schedule, pipelineParallel, microBatches });
        const parts = strategy.stageParts;
        for (let stage = 0; stage < pipelineParallel; stage++) {
          const alive = new Set<string>();
          const done = new Set<string>();
          let most = 0;
          for (const { pass, part, microBatch } of turnsOf(stage, strategy)) {
            const key = `${part}:${microBatch}`;
            if (pass === 'forward') {
              expect(alive.has(key) || done.has(key)).toBe(false);
              alive.add(key);
            } else {
              expect(alive.delete(key)).toBe(true);
              done.add(key);
            }
            most = Math.max(most, alive.size);
          }
          expect(done.size).toBe(microBatches * parts);
          const behind = pipelineParallel - stage;
          const ahead = {
            gpipe: microBatches,
            '1f1b': behind,
            interleaved: 2 * behind - 1 + (parts - 1) * pipelineParallel,
          };
          expect(most).toBe(Math.min(ahead[schedule], microBatches * parts));
        }
      }),
    );
  });
});

describe('a pipeline', () => {
  const micro = timelineOf(trainingStep(model, resolveRun(model, { ...run, batch: 1 }), 'steady'));

  it('has spans within its time', () => {
    for (const schedule of ['gpipe', '1f1b', 'interleaved'] as const) {
      const strategy = resolveStrategy(model, 8, { pipelineParallel: 4, schedule });
      for (let stage = 0; stage < 4; stage++) {
        const { spans, nodeCount } = stageTimeline(micro, stage, strategy);
        expect(spans.filter(({ start, end }) => start < 0 || end <= start || end > nodeCount * SLOTS)).toEqual([]);
      }
    }
  });

  it('splits parameters and states among its stages; the tied table is at both ends', () => {
    const [alone] = devicesOf({});
    const stages = devicesOf({ pipelineParallel: 4 });
    const blocks = stages[1].parameters;
    expect(stages[2].parameters).toBe(blocks);
    expect(stages[0].parameters).toBe(alone.parameters - 3 * blocks);
    expect(stages[3].parameters).toBe(stages[0].parameters);
    for (const { gradients, parameters } of stages) expect(gradients).toBe(parameters);
  });

  it('keeps the activations of as many micro-batches as are alive', () => {
    const peak = (schedule: PipelineSchedule, microBatches: number, stage: number): number =>
      devicesOf({ pipelineParallel: 4, schedule, microBatches }, { batch: microBatches })[stage].steadyPeak;
    // Stage 1 of 4 has three alive in 1F1B, whatever there is to do; GPipe has all.
    expect(peak('1f1b', 8, 1)).toBe(peak('1f1b', 4, 1));
    const one = peak('gpipe', 5, 1) - peak('gpipe', 4, 1);
    expect(one).toBeGreaterThan(0);
    expect(peak('gpipe', 8, 1) - peak('gpipe', 5, 1)).toBe(3 * one);
    // In 1F1B the gradients of the first micro-batch are there while three are alive.
    const [gradients, more] = [
      devicesOf({ pipelineParallel: 4 })[1].gradients,
      peak('1f1b', 8, 1) - peak('gpipe', 3, 1),
    ];
    expect(more).toBeGreaterThan(0);
    expect(more).toBeLessThanOrEqual(gradients);
    expect(peak('interleaved', 8, 1)).toBeGreaterThan(peak('1f1b', 8, 1));
    // The first stage has the most alive.
    const stages = devicesOf({ pipelineParallel: 4 }).map(({ activations }) => activations);
    expect(stages[0]).toBeGreaterThan(stages[2]);
  });
});

describe('ranks with samples of their own', () => {
  const [alone] = devicesOf({});
  const [ddp] = devicesOf({ gpus: 4 });
  const [zero1] = devicesOf({ gpus: 4, dataParallel: 'zero1' });
  const [zero2] = devicesOf({ gpus: 4, dataParallel: 'zero2' });
  const [zero3] = devicesOf({ gpus: 4, dataParallel: 'zero3' });

  it('keep buckets as large as the gradients with DDP', () => {
    expect(ddp.steadyPeak - alone.steadyPeak).toBe(alone.gradients);
    expect(ddp.atRest - alone.atRest).toBe(alone.gradients);
  });

  it('split states, then gradients, then parameters', () => {
    const counters = 4 * 4 + 12 * 8 * 4; // a counter of steps for each of 100 parameters
    expect(alone.optimizerStates).toBe(2 * alone.parameters + counters);
    const quarter = (alone.optimizerStates - counters) / 4 + counters;
    for (const { optimizerStates } of [zero1, zero2, zero3]) expect(optimizerStates).toBe(quarter);
    expect([ddp, zero1, zero2, zero3].map(({ gradients }) => alone.gradients / gradients)).toEqual([1, 1, 4, 4]);
    expect([ddp, zero1, zero2, zero3].map(({ parameters }) => alone.parameters / parameters)).toEqual([1, 1, 1, 4]);
    expect(zero3.steadyPeak).toBeLessThan(zero2.steadyPeak);
    expect(zero2.atRest).toBe(zero1.atRest);
  });
});

describe('offloading', () => {
  const [alone] = devicesOf({});

  it('takes states off the device, and copies gradients there and parameters back', () => {
    const [device] = devicesOf({ offload: ['optimizer'] });
    expect(device).toMatchObject({ optimizerStates: 0, host: alone.optimizerStates + alone.gradients });
    expect(device.transfers).toEqual({ toHost: alone.gradients, fromHost: alone.gradients });
    expect(alone.atRest - device.atRest).toBe(alone.optimizerStates);
  });

  it('takes parameters off the device, and copies each block for both passes', () => {
    const [device] = devicesOf({ offload: ['parameters'] });
    expect(device).toMatchObject({ parameters: 0, host: alone.parameters });
    expect(device.transfers.fromHost).toBeGreaterThan(alone.parameters);
    expect(device.transfers.fromHost).toBeLessThanOrEqual(2 * alone.parameters);
    expect(device.steadyPeak).toBeLessThan(alone.steadyPeak);
  });

  it('takes activations off the device between the passes', () => {
    const [device] = devicesOf({ offload: ['activations'] });
    expect(device.transfers.toHost).toBe(device.transfers.fromHost);
    expect(device.host).toBe(device.transfers.toHost);
    expect(alone.activations - device.activations).toBe(device.host);
    expect(device.steadyPeak).toBeLessThan(alone.steadyPeak);
  });
});

describe('tensor parallelism', () => {
  it('splits what is in the parts of a block; along the sequence also what is between these', () => {
    const [alone] = devicesOf({});
    const [split] = devicesOf({ tensorParallel: 4 });
    const [sequence] = devicesOf({ tensorParallel: 4, sequenceParallel: true });
    expect(split.activations).toBeLessThan(alone.activations / 2);
    expect(sequence.activations).toBeLessThan(split.activations);
    expect(sequence.parameters).toBe(split.parameters);
  });
});

describe('what is reserved', () => {
  it('is at least what tensors take, and runs out exactly where it must', () => {
    for (const strategy of [{}, { gpus: 4, dataParallel: 'fsdp' }, { pipelineParallel: 2 }] as const) {
      for (const { reserved, steadyPeak, firstPeak } of devicesOf(strategy)) {
        expect(reserved).toBeGreaterThanOrEqual(Math.max(firstPeak, steadyPeak));
      }
    }
    const { reserved } = devicesOf({})[0];
    const within = (capacity: number): DeviceMeasurement => measureDistributed(model, run, {}, { capacity }).devices[0];
    expect(within(reserved).outOfMemory).toBeNull();
    expect(within(devicesOf({})[0].steadyPeak - 1).outOfMemory).not.toBeNull();
  });
});

describe('strategies that cannot be', () => {
  it.each<[string, TrainingStrategy, string]>([
    ['3 GPUs for layers on 4', { gpus: 3, tensorParallel: 4 }, 'gpus'],
    ['4 heads on 8 GPUs', { tensorParallel: 8 }, 'tensorParallel'],
    ['16 stages for 8 blocks', { pipelineParallel: 16 }, 'pipelineParallel'],
    ['3 micro-batches of a batch of 8', { pipelineParallel: 2, microBatches: 3 }, 'microBatches'],
    ['split gradients in a pipeline', { gpus: 4, pipelineParallel: 2, dataParallel: 'zero2' }, 'dataParallel'],
    [
      'an odd number of micro-batches, interleaved',
      { pipelineParallel: 4, schedule: 'interleaved', microBatches: 2 },
      'microBatches',
    ],
  ])('%s', (_, strategy, culprit) => {
    expectError('BAD_ARGUMENT', culprit, () => measureDistributed(model, run, strategy));
  });
});

describe('fitting', () => {
  const GIB = 1024 ** 3;
  const small = { context: { least: 0, most: 0 }, workspaces: 0 };

  it('takes the largest batch that fits, and a cheaper way before a dearer one', () => {
    const plenty = fitTraining(model, run, { gpu: 8 * GIB });
    expect(plenty.best).toMatchObject({ batch: 8, checkpointing: 'none', strategy: {} });
    const enough = plenty.best!.reserved;
    const tight = fitTraining(model, run, { gpu: { ...small, memory: enough - 1 } });
    expect(tight.best!.batch).toBeLessThanOrEqual(8);
    for (const way of tight.ways) {
      expect(way.reason).toMatch(/^A batch of \d+ needs .*, of which .* are .*\.$/);
      if (way.batch > 0) expect(way.reserved).toBeLessThan(enough);
    }
    const seconds = tight.frontier.map(({ secondsPerSample }) => secondsPerSample);
    expect(seconds).toEqual(seconds.toSorted((a, b) => a - b));
  });

  it('asks the host only where GPUs alone cannot do it, and says what speaks against each way', () => {
    const { atRest } = devicesOf({}, { batch: 1 })[0];
    const machine = { gpu: { ...small, memory: Math.floor(atRest * 0.9) } };
    const { best, ways } = fitTraining(model, { ...run, sequence: 8 }, machine);
    expect(best!.strategy.offload).toBeDefined();
    expect(ways.filter(({ batch }) => batch === 0)[0].reason).toMatch(/ A GPU has .* for tensors\.$/);
    const nothing = fitTraining(model, run, { gpu: { ...small, memory: 4096 } });
    expect(nothing).toMatchObject({ best: null, frontier: [] });
  });

  it('splits what does not fit on one GPU', () => {
    const { atRest } = devicesOf({}, { batch: 1 })[0];
    const { best } = fitTraining(
      model,
      { ...run, batch: 1, sequence: 8 },
      { gpus: 4, gpu: { ...small, memory: Math.floor(atRest * 1.1) } },
    );
    expect(best!.strategy).toMatchObject({ gpus: 4 });
    expect(best!.strategy.dataParallel).not.toBe('ddp');
  });
});

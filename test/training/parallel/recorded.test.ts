/**
 * Ranks of FSDP2 and of tensor parallelism against PyTorch's own trackers: what a rank keeps, its peaks, and what the
 * bytes of the peaks are for.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { measureDistributed, type DistributedMeasurement } from '../../../src/training/parallel/measure-distributed.js';
import { measureTimeline, type DeviceStep } from '../../../src/training/parallel/measure-timeline.js';
import type { TrainingStrategy } from '../../../src/training/parallel/strategy.js';
import { timelineOf, type DeviceKind } from '../../../src/training/parallel/timeline.js';
import { modelOf } from '../../../src/training/families/family.js';
import { resolveRun } from '../../../src/training/resolve-run.js';
import type { TrainingRun } from '../../../src/training/run.js';
import { trainingStep } from '../../../src/training/step.js';
import { describeShared, sharedPath } from '../../support/shared.js';

type Kinds = Readonly<Record<string, number>>;

interface Recorded {
  readonly bytes: {
    readonly firstPeak: number;
    readonly steadyPeak: number;
    readonly atRest: number;
    readonly firstByKindAtPeak: Kinds;
    readonly byKindAtPeak: Kinds;
  };
}

const recorded = (name: string): Recorded['bytes'] =>
  (JSON.parse(readFileSync(sharedPath('training', 'torch', `dist-${name}.json`), 'utf8')) as Recorded).bytes;

const SMALL = { vocab: 256, hidden: 64, layers: 2, heads: 4, ffn: 256, positionRows: 32 };
const model = modelOf('small-gpt', 'small GPT', { ...SMALL, activation: 'relu' });
const plain: TrainingRun = { batch: 2, sequence: 32, attention: 'eager' };

/** What the tracker calls what we tell apart. */
const TRACKED: Readonly<Record<DeviceKind, string>> = {
  parameters: 'Sharded Param',
  gathered: 'Unsharded Param',
  buffers: 'Buffer',
  inputs: 'Inputs',
  gradients: 'Sharded Grad',
  optimizerStates: 'OptState',
  activations: 'Activation',
  recomputed: 'Activation',
  temporaries: 'Temp',
  communication: 'Messages',
};

/** Bytes by the tracker's words; its two kinds of messages count as one. */
function tracked({ byKind }: DeviceStep): Kinds {
  const sums: Record<string, number> = {};
  for (const [kind, bytes] of Object.entries(byKind) as [DeviceKind, number][]) {
    const word = TRACKED[kind];
    sums[word] = (sums[word] ?? 0) + bytes;
  }
  return sums;
}

function merged({ 'All Gather': gather = 0, 'Reduce Scatter': scatter = 0, ...all }: Kinds): Kinds {
  const kinds = Object.fromEntries(Object.entries(all).filter(([kind]) => kind !== 'Total'));
  return gather + scatter === 0 ? kinds : { ...kinds, Messages: gather + scatter };
}

const FSDP: readonly (readonly [string, Partial<TrainingRun>, TrainingStrategy])[] = [
  ['fsdp-w2', {}, { gpus: 2 }],
  ['fsdp-w4', {}, { gpus: 4 }],
  ['fsdp-w4-ckpt', { checkpointing: 'layer' }, { gpus: 4 }],
  ['fsdp-keep-w4', {}, { gpus: 4, reshardAfterForward: false }],
  ['fsdp-w4-bf16', { precision: 'bf16' }, { gpus: 4, fp32Shards: true }],
];

describeShared('FSDP2', () => {
  it.each(FSDP)('%s: peaks and kinds to the byte', (name, run, strategy) => {
    const measured = measureDistributed(model, { ...plain, ...run }, { dataParallel: 'fsdp', ...strategy });
    const { firstPeak, steadyPeak, atRest, firstByKindAtPeak, byKindAtPeak } = recorded(name);
    expect(measured.devices).toHaveLength(strategy.gpus!);
    for (const device of measured.devices) {
      expect(device).toMatchObject({ firstPeak, steadyPeak, atRest });
      expect(device.parameters).toBe(byKindAtPeak['Sharded Param']);
      expect(device.optimizerStates).toBe(byKindAtPeak.OptState);
      expect(tracked(device.first)).toEqual(merged(firstByKindAtPeak));
      expect(tracked(device.steady)).toEqual(merged(byKindAtPeak));
    }
  });
});

describeShared('one device', () => {
  it('is what the tracker says of it', () => {
    const { firstPeak, steadyPeak, atRest } = recorded('none-w1');
    expect(measureDistributed(model, plain).devices).toMatchObject([{ firstPeak, steadyPeak, atRest, host: 0 }]);
  });
});

// Only the feed-forward part was split there, so the local model is made by hand.
describeShared('tensor parallelism of the feed-forward part', () => {
  it.each([
    ['tp-w2', 2],
    ['tp-w4', 4],
  ])('%s: what is kept and the peak of later steps to the byte', (name, ranks) => {
    const local = { ...model, ffn: model.ffn / ranks };
    const [first, steady] = (['first', 'steady'] as const).map((which) =>
      measureTimeline(timelineOf(trainingStep(local, resolveRun(local, plain), which))),
    );
    const truth = recorded(name);
    expect(steady).toMatchObject({ peak: truth.steadyPeak, atRest: truth.atRest });
    // In the first step the tracker sees more: two tensors, one as large as a whole weight and one as its part. DTensor
    // makes them once, while it learns the shapes of results.
    const whole = 4 * 64 * 256;
    expect(truth.firstPeak - first.peak).toBe(whole + whole / ranks);
  });
});

describeShared('the devices of a measurement', () => {
  it('take no more than one that does everything', () => {
    const alone = measureDistributed(model, plain).devices[0];
    const others: DistributedMeasurement[] = [
      measureDistributed(model, plain, { gpus: 2, dataParallel: 'zero1' }),
      measureDistributed(model, plain, { gpus: 2, dataParallel: 'fsdp' }),
      measureDistributed(model, plain, { tensorParallel: 2 }),
    ];
    for (const { devices } of others) expect(devices[0].steadyPeak).toBeLessThan(alone.steadyPeak);
  });
});

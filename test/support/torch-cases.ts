/**
 * Training runs of PyTorch that its own trackers counted, storage by storage; the README beside them states conventions.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { TrainingKind, TrainingMeasurement, TrainingPhase } from '../../src/training/index.js';
import { sharedIsPresent, sharedPath } from './shared-data.js';

interface RecordedStep {
  readonly peak: number;
  readonly peakPhase: TrainingPhase;
  readonly peakOp: string;
  readonly phaseMaxima: Readonly<Record<TrainingPhase, number>>;
  readonly phaseMaximumOps: Readonly<Record<TrainingPhase, string | null>>;
  readonly phaseEnds: Readonly<Record<TrainingPhase, number>>;
}

/** A recorded run; sizes in bytes. */
export interface TorchCase {
  readonly name: string;
  readonly model: unknown;
  readonly run: unknown;
  readonly counts: { readonly parameters: number; readonly trainable: number };
  readonly bytes: Readonly<
    Record<'parameters' | 'buffers' | 'inputs' | 'gradients' | 'optimizerStates' | 'atRest', number> & {
      first: RecordedStep;
      steady: RecordedStep;
      byKindAtPeak: Record<TrainingKind, number>;
    }
  >;
  readonly events: { readonly total: number; readonly file?: string };
}

/** All recorded runs on one device; empty when the data is absent. */
export function torchCases(): TorchCase[] {
  if (!sharedIsPresent) return [];
  const files = readdirSync(sharedPath('training', 'torch')).filter((file) => file.endsWith('.json'));
  return files
    .filter((file) => !file.startsWith('dist-'))
    .map((file) => JSON.parse(readFileSync(sharedPath('training', 'torch', file), 'utf8')) as TorchCase);
}

/** An allocation of a steady step: what made it, and between which events it was alive. */
export interface RecordedAllocation {
  readonly id: string;
  readonly op: string;
  readonly lower: number;
  readonly upper: number;
  readonly size: number;
}

/** The allocations within the steady step, in their order. */
export function recordedAllocations(file: string): RecordedAllocation[] {
  const rows = gunzipSync(readFileSync(sharedPath('training', 'torch', file)))
    .toString('utf8')
    .trim()
    .split('\n')
    .slice(1);
  const all = rows.map((row) => {
    const [id, lower, upper, size] = row.split(',');
    const op = id.slice(id.indexOf(':') + 1);
    return { id, op, lower: Number(lower), upper: Number(upper), size: Number(size) };
  });
  return all.filter(({ id }) => !/^[pbis]\d/.test(id)).sort((a, b) => a.lower - b.lower);
}

/** The figures of a recorded run under names that say what they are. */
export function recordedFigures({ bytes, counts }: TorchCase): Record<string, unknown> {
  const figures: Record<string, unknown> = { ...counts };
  for (const [step, recorded] of Object.entries({ first: bytes.first, steady: bytes.steady })) {
    const { peak, peakPhase, peakOp, phaseMaxima, phaseMaximumOps, phaseEnds } = recorded;
    figures[`peak of the ${step} step`] = [peak, peakPhase, peakOp];
    for (const phase of ['forward', 'backward', 'step'] as const) {
      figures[`${phase} of the ${step} step`] = [phaseMaxima[phase], phaseMaximumOps[phase], phaseEnds[phase]];
    }
  }
  const { parameters, buffers, inputs, gradients, optimizerStates, atRest, byKindAtPeak } = bytes;
  return {
    ...figures,
    parameters: [counts.parameters, parameters],
    buffers,
    inputs,
    gradients,
    optimizerStates,
    atRest,
    byKindAtPeak,
  };
}

/** The same figures of a measurement. */
export function measuredFigures(measured: TrainingMeasurement): Record<string, unknown> {
  const figures: Record<string, unknown> = { trainable: measured.counts.trainable };
  for (const step of ['first', 'steady'] as const) {
    const { peak, phase, op, phases } = measured[step];
    figures[`peak of the ${step} step`] = [peak, phase, op];
    for (const [name, each] of Object.entries(phases)) {
      figures[`${name} of the ${step} step`] = [each.peak, each.op, each.end];
    }
  }
  const { parameters, buffers, inputs, gradients, optimizerStates, atRest, counts, steady } = measured;
  const byKindAtPeak = steady.byKind;
  return {
    ...figures,
    parameters: [counts.parameters, parameters],
    buffers,
    inputs,
    gradients,
    optimizerStates,
    atRest,
    byKindAtPeak,
  };
}

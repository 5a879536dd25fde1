/**
 * Checks a run and fills in its defaults.
 */
import { checkArgument, checkChoice, checkOptions, isListLike, type OptionNames } from '../errors.js';
import { checkModel } from './check-model.js';
import { familyOf } from './families/families.js';
import type { TrainingModel } from './model.js';
import type { Checkpointing, LoraOptions, ResolvedRun, TrainingRun } from './run.js';

const RUN: OptionNames<TrainingRun> = {
  batch: true,
  sequence: true,
  targetSequence: true,
  method: true,
  lora: true,
  precision: true,
  attention: true,
  checkpointing: true,
  optimizer: true,
  implementation: true,
  device: true,
  stepInBackward: true,
  lossChunks: true,
  offloadActivations: true,
};

const LORA: OptionNames<LoraOptions> = { rank: true, targets: true, precision: true };

/** What each choice may be; the first is the default. */
const CHOICES = {
  method: ['full', 'lora', 'qlora'],
  precision: ['fp32', 'bf16', 'fp16', 'bf16-amp', 'fp16-amp'],
  attention: ['sdpa', 'eager', 'flash'],
  optimizer: ['adamw', 'sgd', 'sgd-momentum', 'adamw-8bit', 'paged-adamw', 'paged-adamw-8bit', 'adafactor', 'lion'],
  implementation: ['for-loop', 'foreach', 'fused'],
  device: ['cpu', 'cuda'],
  stepInBackward: [false, true],
  offloadActivations: [false, true],
} as const satisfies { readonly [K in keyof TrainingRun]?: readonly TrainingRun[K][] };

/** @throws PlannerError `BAD_ARGUMENT` */
export function resolveRun(model: TrainingModel, run: TrainingRun): ResolvedRun {
  checkModel(model);
  checkOptions(run, RUN, 'run');
  const {
    batch,
    sequence,
    targetSequence = sequence,
    lossChunks = 1,
    checkpointing = 'none',
    lora = { rank: 8 },
  } = run;
  const chosen = Object.entries(CHOICES).map(([name, choices]) => {
    const value = run[name as keyof typeof CHOICES] ?? choices[0];
    checkChoice(name, value, choices);
    return [name, value];
  });
  for (const [name, value] of Object.entries({ batch, sequence, targetSequence, lossChunks })) checkCount(name, value);
  checkCheckpointing(checkpointing);
  const choices = Object.fromEntries(chosen) as Pick<ResolvedRun, keyof typeof CHOICES>;
  return { ...choices, batch, sequence, targetSequence, lossChunks, checkpointing, lora: resolveLora(model, lora) };
}

function resolveLora({ family }: TrainingModel, lora: LoraOptions): Required<LoraOptions> {
  checkOptions(lora, LORA, 'lora');
  const { layers, adapted } = familyOf(family);
  const { rank, targets = adapted, precision = 'fp32' } = lora;
  checkCount('rank', rank);
  checkChoice('precision of lora', precision, ['fp32', 'bf16', 'fp16']);
  const isList = isListLike(targets) && targets.length > 0;
  checkArgument(isList, 'targets', targets, 'a list of layers', 'Leave it out for the usual ones.');
  const known = [...new Set([...Object.keys(layers), ...Object.values(layers)])];
  const full = Array.from(targets, (target) => {
    checkChoice('target of lora', target, known);
    return Object.hasOwn(layers, target) ? layers[target] : target;
  });
  return { rank, targets: full, precision };
}

function checkCount(name: string, value: unknown): void {
  const isCount = Number.isSafeInteger(value) && (value as number) > 0;
  checkArgument(isCount, name, value, 'a whole number above 0', 'Give the shape of a batch.');
}

function checkCheckpointing(value: Checkpointing): void {
  if (value === 'none' || value === 'layer') return;
  const every: unknown = typeof value === 'object' && value !== null ? value.every : undefined;
  const isEvery = Number.isSafeInteger(every) && (every as number) > 0;
  checkArgument(
    isEvery,
    'checkpointing',
    value,
    'none, layer or { every: k }',
    'Say { every: 2 } for runs of two blocks.',
  );
}

/**
 * What llama.cpp itself would choose for a machine, and what that takes, as text and as plain data.
 */
import { commandOf } from '../models/fit/command.js';
import type { LlamaCppFit } from '../models/fit/llama-cpp.js';
import { shellCommand } from '../models/fit/shell-command.js';
import type { Trial } from '../models/fit/trial.js';
import { changesJson } from './llama-fit.js';
import { deviceJson, formatMachine, machineJson, type MachineFile } from './machine-report.js';
import type { Style } from './style.js';

/** The choice for a model, and its sizes. */
export interface LlamaCppChoice extends MachineFile {
  readonly fit: LlamaCppFit;
}

/** The report on the run, and the command that asks for it. @param room columns of the terminal; null if it is none */
export function formatLlamaCppChoice(choice: LlamaCppChoice, style: Style, room: number | null = null): string {
  return `${formatMachine(choice, style, room)}\n${shellCommand(wordsOf(choice))}\n`;
}

/** The same with all that llama.cpp measures. */
export function llamaCppChoiceJson(choice: LlamaCppChoice): object {
  const words = wordsOf(choice);
  const { trials } = choice.fit;
  return { ...machineJson(choice), command: shellCommand(words), words, trials: trials.map(trialJson) };
}

function wordsOf({ file, fit }: LlamaCppChoice): readonly string[] {
  return commandOf(file, fit.options);
}

function trialJson({ options, devices, host }: Trial): object {
  return {
    ...changesJson(options),
    devices: [...devices, host].map(({ used: total, ...device }) => deviceJson({ ...device, total })),
  };
}

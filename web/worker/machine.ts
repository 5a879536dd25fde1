/**
 * A model on the machine of the settings, as llama.cpp would spread it.
 *
 * Invariant: what the reader chose is kept; what is left open is the best that fits, found by measuring.
 */
import { withCpu } from 'tensor-arena/device';
import type { Gguf } from 'tensor-arena/gguf';
import {
  fitAsLlamaCpp,
  fitModel,
  measureModel,
  type MachineMeasurement,
  type MachineOptions,
  type ModelOptions,
} from 'tensor-arena/models';
import { readMachine } from '../machines.js';
import { marginBytes, type Settings } from '../settings.js';
import { modelOf } from './model-of.js';
import { optionsApartFromContext, SOME_CONTEXT } from './model-options.js';

/** What was measured, and the options that led to it. */
export interface OnMachine {
  readonly options: MachineOptions;
  readonly machine: MachineMeasurement;
}

/** @throws PlannerError */
export function measureOnMachine(gguf: Gguf, settings: Settings): OnMachine {
  const base = baseOptions(settings);
  const options = settings.layers === 'auto' ? bestOptions(gguf, base, settings) : chosenOptions(gguf, base, settings);
  return { options, machine: measureModel(modelOf(gguf), options) };
}

/** All options but the context and the layers. */
function baseOptions(settings: Settings): MachineOptions {
  const { cards, kvOffload, flashAttention } = settings;
  return {
    ...optionsApartFromContext(settings),
    // What is on where the device can do it: llama.cpp’s default.
    flashAttention: flashAttention ? 'auto' : false,
    devices: withCpu(readMachine(settings.machine)),
    ...(cards === 'all' ? {} : { splitMode: 'none' as const, mainGpu: cards }),
    ...(kvOffload ? {} : { kvOffload }),
  };
}

/** As many layers as fit, then as many experts, then the longest context, unless one is chosen. */
function bestOptions(gguf: Gguf, base: MachineOptions, settings: Settings): MachineOptions {
  const { devices, ...rest } = base;
  const context: ModelOptions = settings.context === 0 ? {} : { ctxSize: settings.context };
  const { points } = fitModel(modelOf(gguf), devices, { ...rest, ...context, targets: marginBytes(settings) });
  if (points.length > 0) return points[0].options;
  return { ...base, ctxSize: settings.context || SOME_CONTEXT, gpuLayers: 0 };
}

function chosenOptions(gguf: Gguf, base: MachineOptions, settings: Settings): MachineOptions {
  const { layers, hostExperts, split, cards, context } = settings;
  const chosen: MachineOptions = {
    ...base,
    gpuLayers: layers,
    ...(hostExperts > 0 ? { nCpuMoe: hostExperts } : {}),
    ...(split !== '' && cards === 'all' ? { tensorSplit: split.split(',').map(Number) } : {}),
  };
  if (context > 0) return { ...chosen, ctxSize: context };
  const { changes } = fitAsLlamaCpp(modelOf(gguf), { ...chosen, targets: marginBytes(settings) });
  return { ...chosen, ctxSize: changes.ctxSize ?? 0 };
}

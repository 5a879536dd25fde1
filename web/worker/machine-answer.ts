/**
 * What the page shows of a model on a machine.
 */
import type { Gguf } from 'tensor-arena/gguf';
import {
  commandOf as llamaCommand,
  shellCommand,
  type DeviceMeasurement,
  type MachineMeasurement,
} from 'tensor-arena/models';
import type { LayerChoice, MachineAnswer } from '../messages.js';
import type { OnMachine } from './machine.js';
import { modelFacts } from './model-facts.js';

export function machineAnswer(gguf: Gguf, { options, machine }: OnMachine, file: string): MachineAnswer {
  const { layers, buffers, run, splits, nodes, copies } = machine;
  const experts = Number(gguf.metadata[`${machine.architecture}.expert_count`] ?? 0);
  const devices = allDevices(options, machine);
  return {
    model: modelFacts(gguf, machine),
    devices,
    buffers: buffers.map(({ device, type, purpose, bytes }) => ({ device, type: type.name, purpose, bytes })),
    layers,
    choice: choiceOf(devices, layers, options.nCpuMoe ?? 0),
    expertLayers: experts > 0 ? layers.length - 1 : 0,
    isShared: options.devices.slice(0, -1).some(({ wrapsHostMemory }) => wrapsHostMemory),
    flashAttention: run.flashAttention,
    splits,
    nodes,
    copies,
    command: run.program === 'server' ? commandOf(file, { options, machine }) : null,
  };
}

/** In the order of the machine; what takes no part takes nothing. */
function allDevices({ devices }: OnMachine['options'], machine: MachineMeasurement): DeviceMeasurement[] {
  return devices.map(({ name, totalBytes, freeBytes }) => {
    const nothing = { weights: 0, adapters: 0, context: 0, compute: 0, output: 0, total: 0 };
    return machine.devices.find((device) => device.name === name) ?? { name, totalBytes, freeBytes, ...nothing };
  });
}

function choiceOf(devices: readonly DeviceMeasurement[], layers: readonly string[], hostExperts: number): LayerChoice {
  const split = devices.slice(0, -1).map(({ name }) => layers.filter((layer) => layer === name).length);
  return { layers: split.reduce((sum, count) => sum + count, 0), hostExperts, split };
}

/** llama.cpp's defaults, which need no flag. */
const DEFAULTS = { batchSize: 2048, ubatchSize: 512, cacheTypeK: 'f16', cacheTypeV: 'f16', flashAttention: 'auto' };

/** The command that runs what was measured, each word as a shell takes it. */
function commandOf(file: string, { options, machine: { run, layers } }: OnMachine): string {
  const entries = Object.entries({
    ...options,
    ctxSize: run.contextSize,
    gpuLayers: Math.min(Number(options.gpuLayers), layers.length),
    parallel: run.sequences,
    kvUnified: run.isUnified,
  }).filter(([name, value]) => (DEFAULTS as Readonly<Record<string, unknown>>)[name] !== value);
  return shellCommand(llamaCommand(file, Object.fromEntries(entries) as unknown as OnMachine['options']));
}

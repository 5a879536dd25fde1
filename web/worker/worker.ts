/**
 * The worker: one job in, one reply out. It keeps the last file that it read.
 *
 * Invariant: every job is answered, with a failure at worst.
 */
import { PlannerError } from 'tensor-arena';
import { measureWeights } from 'tensor-arena/models';
import { serveMap } from 'tensor-arena/viewer';
import type { Job, Reply, Source, UnknownModel } from '../messages.js';
import type { Settings } from '../settings.js';
import { CPU_ONLY } from '../machines.js';
import { exportText } from './export-text.js';
import { fitAnswer } from './fit-answer.js';
import { planAnswer } from './plan-answer.js';
import { measureOnMachine } from './machine.js';
import { machineAnswer } from './machine-answer.js';
import { dimsOf, isAboutFile } from './network.js';
import { mapOf, planInput } from './plan-input.js';
import { readSource, type Input } from './read-source.js';

let last: { readonly id: number; readonly input: Promise<Input> } | null = null;

function read(source: Source): Promise<Input> {
  if (last?.id !== source.id) last = { id: source.id, input: readSource(source) };
  return last.input;
}

async function answer({ task, source, settings }: Job): Promise<Reply> {
  const input = await read(source);
  switch (task) {
    case 'plan':
      return plan(input, settings, source.name);
    case 'map': {
      const map = mapOf(planInput(input, settings));
      return { task, map: serveMap(map), allocator: map.allocator };
    }
    case 'fit':
      if (input.kind !== 'model') throw new Error('Only a model has a context.');
      return { task, fit: fitAnswer(input.gguf, settings) };
    case 'svg':
    case 'json':
    case 'csv':
      return { task, text: exportText(task, planInput(input, settings), source.name) };
  }
}

function plan(input: Input, settings: Settings, name: string): Reply {
  try {
    if (input.kind === 'model' && settings.machine !== CPU_ONLY) {
      const found = measureOnMachine(input.gguf, settings);
      return { task: 'machine', machine: machineAnswer(input.gguf, found, name) };
    }
    return { task: 'plan', plan: planAnswer(planInput(input, settings)) };
  } catch (error) {
    const unknown = unknownModel(input, error);
    if (unknown !== null) return { task: 'unknown', model: unknown };
    if (input.kind !== 'network' || input.network.openDims.length === 0) throw error;
    const { message } = error as Error;
    return { task: 'failure', failure: { message, isOfFile: false, dims: dimsOf(input.network, settings) } };
  }
}

/** What is known of a model whose graph cannot be made; null if the error is about something else. */
function unknownModel(input: Input, error: unknown): UnknownModel | null {
  if (input.kind === 'network' && isAboutFile(input.network, error)) {
    const { weightBytes, weightCount } = input.network;
    return { reason: error.message, weights: weightBytes, tensorCount: weightCount };
  }
  const isUnknown = error instanceof PlannerError && error.code === 'UNKNOWN_ARCHITECTURE';
  if (!isUnknown || input.kind !== 'model') return null;
  const { gguf } = input;
  const reason = `The architecture “${String(gguf.metadata['general.architecture'])}” is unknown.`;
  return { reason, weights: measureWeights(gguf), tensorCount: gguf.tensors.length };
}

/** What is handed over to the page, not copied. */
function portsOf(reply: Reply): Transferable[] {
  if (reply.task === 'plan') return [reply.plan.map.port];
  return reply.task === 'map' ? [reply.map.port] : [];
}

self.addEventListener('message', ({ data }: MessageEvent<Job>) => {
  void answer(data)
    .catch((error: unknown): Reply => {
      const isOfFile = !(error instanceof PlannerError && error.code === 'BAD_ARGUMENT');
      const text = error instanceof Error ? error.message : String(error);
      const { name } = data.source;
      const message = isOfFile && !text.includes(name) ? `${name}: ${text}` : text;
      return { task: 'failure', failure: { message, isOfFile, dims: [] } };
    })
    .then((reply) => self.postMessage(reply, { transfer: portsOf(reply) }));
});

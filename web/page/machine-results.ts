/**
 * The answer for a machine: in words, one bar a device, every buffer, and the command.
 */
import { counted, groupDigits, humanBytes } from 'tensor-arena/viewer';
import type { MachineAnswer } from '../messages.js';
import { marginBytes, memoryBytes, type Settings } from '../settings.js';
import { DeviceBars, purposeTitle, stateOf, type DeviceUse } from './device-bars.js';
import { byId } from './elements.js';
import { LayerBar, type LayerCounts } from './layer-bar.js';
import { showNumbers, showVerdict, type Part, type Verdict } from './results.js';

/** What the host is called beside the GPUs. */
const HOST = 'Host';

export class MachineResults {
  readonly #bars = new DeviceBars();
  readonly #layers: LayerBar;
  #command = '';

  /** Calls `onMove` with the layers of the host, and then of each GPU that is shown, when the reader moves a border. */
  constructor(onMove: (counts: LayerCounts) => void) {
    this.#layers = new LayerBar(onMove);
    byId('copy-command').addEventListener('click', () => void this.#copy());
  }

  /** Shows an answer with the current settings. @param isCurrent whether the answer is about the newest of them */
  show(answer: MachineAnswer, settings: Settings, isCurrent: boolean): void {
    const { model, layers, command } = answer;
    const uses = usesOf(answer, settings);
    const facts = factsOf(answer, settings);
    showVerdict(verdictOf(answer, uses), facts);
    byId('bar').hidden = true;
    byId('devices').hidden = false;
    this.#bars.show(uses, model.isRecurrent);
    if (isCurrent) {
      const gpus = sharingGpus(answer, settings);
      const counts = gpus.map((name) => layers.filter((layer) => layer === name).length);
      const rest = layers.length - counts.reduce((sum, count) => sum + count, 0);
      this.#layers.show([HOST, ...gpus], [rest, ...counts]);
    }
    showNumbers(partsOf(answer));
    byId('command').hidden = command === null;
    this.#command = command ?? '';
    byId('command-text').textContent = this.#command;
    byId('copy-command').textContent = 'Copy';
  }

  hide(): void {
    byId('bar').hidden = false;
    byId('devices').hidden = true;
  }

  async #copy(): Promise<void> {
    const told = await navigator.clipboard.writeText(this.#command).then(
      () => 'Copied',
      () => 'Not allowed',
    );
    byId('copy-command').textContent = told;
  }
}

/** The GPUs among which layers are shared out. */
function sharingGpus({ devices }: MachineAnswer, { cards }: Settings): string[] {
  const names = devices.slice(0, -1).map(({ name }) => name);
  return cards === 'all' ? names : names.slice(cards, cards + 1);
}

/** All devices against their room. Where GPU and CPU share memory, the CPU has what the GPU leaves. */
function usesOf({ devices, layers, isShared }: MachineAnswer, settings: Settings): DeviceUse[] {
  const gpus = devices.slice(0, -1);
  const onGpus = gpus.reduce((sum, { total }) => sum + total, 0);
  const ofHost = Math.max(0, memoryBytes(settings) - (isShared ? onGpus : 0));
  return devices.map(({ name, weights, context, compute, output, total, freeBytes }, index) => {
    const isHost = index === gpus.length;
    return {
      name: isHost ? HOST : name,
      sizes: { weights, context, compute, output },
      total,
      capacity: isHost ? ofHost : freeBytes,
      margin: isHost ? 0 : marginBytes(settings),
      layers: layers.filter((layer) => layer === name).length,
    };
  });
}

function verdictOf({ model, layers, choice }: MachineAnswer, uses: readonly DeviceUse[]): Verdict {
  const how = model.isRecurrent ? '' : ` with ${groupDigits(model.contextSize)} tokens of context`;
  const short = uses.filter((use) => stateOf(use).className === 'no');
  if (short.length > 0) {
    const excess = short.map(({ name, total, capacity }) => `${name} has ${humanBytes(total - capacity)} too much`);
    return { text: `It does not fit${how}: ${excess.join(', ')}.`, fits: false };
  }
  const count = choice.layers === layers.length ? `all ${layers.length}` : `${choice.layers} of ${layers.length}`;
  return { text: `It fits${how}, ${count} layers on GPUs.`, fits: true };
}

function factsOf({ model, nodes, splits, copies, flashAttention }: MachineAnswer, settings: Settings): string[] {
  const phase = (key: 'pp' | 'tg'): string => `${counted(nodes[key], 'node')} in ${counted(splits[key], 'split')}`;
  return [
    model.architecture,
    `as llama.cpp build ${model.llamaCppBuild}`,
    phase('pp') === phase('tg') ? phase('pp') : `prompt ${phase('pp')}, token ${phase('tg')}`,
    ...(copies > 1 ? [`a pipeline of ${copies} batches`] : []),
    ...(settings.flashAttention && !flashAttention ? ['no flash attention on these devices'] : []),
  ];
}

/** Each buffer type and purpose, as llama.cpp's log has it, and the sum. */
function partsOf({ buffers, model }: MachineAnswer): Part[] {
  const parts = buffers.map(({ type, purpose, bytes }) => {
    return { className: purpose, label: `${type}: ${purposeTitle(purpose, model.isRecurrent)}`, bytes };
  });
  const total = buffers.reduce((sum, { bytes }) => sum + bytes, 0);
  return [...parts, { className: 'total', label: 'Total', bytes: total }];
}

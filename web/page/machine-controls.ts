/**
 * The controls of the machine: its devices, and which layers are on them.
 *
 * Invariant: once the reader moves one of what is chosen for them, the rest stays as it is shown. A machine that cannot be
 * read changes nothing, and is said to be wrong beside its field.
 */
import { counted, groupDigits } from 'tensor-arena/viewer';
import { CPU_ONLY, isMachine, presetOf, PRESETS, readMachine } from '../machines.js';
import type { MachineAnswer } from '../messages.js';
import type { Settings } from '../settings.js';
import { byId, fillSelect } from './elements.js';
import { MemoryField } from './memory-field.js';

/** The entry of the list for machines that are not in it. */
const OTHER = 'other';

const NOMINAL = 'Nominal memory, all of it free. A driver reports less: take “another machine” to say what is free.';
const APPLE = 'What macOS lets the GPU use by default, all of it free; the CPU has the same memory.';
const WRITTEN = 'Write what the driver reports as all and as free.';

type OnChange = (change: Partial<Settings>) => void;

export class MachineControls {
  readonly #machine = byId<HTMLSelectElement>('machine');
  readonly #text = byId<HTMLInputElement>('machine-text');
  readonly #layers = byId<HTMLInputElement>('layers');
  readonly #hostExperts = byId<HTMLInputElement>('host-experts');
  readonly #cards = byId<HTMLSelectElement>('cards');
  readonly #kvOffload = byId<HTMLInputElement>('kv-offload');
  readonly #margin: MemoryField;
  #settings: Settings | null = null;
  #answer: MachineAnswer | null = null;
  /** Whether the reader wants to write a machine, though the list may have it. */
  #isWriting = false;
  /** The machine whose cards are in the list. */
  #listed = CPU_ONLY;

  constructor(onChange: OnChange) {
    fillSelect(this.#machine, [[CPU_ONLY, 'CPU only']]);
    for (const { group, presets } of PRESETS) {
      const list = document.createElement('optgroup');
      list.label = group;
      list.append(...presets.map(({ label, machine }) => new Option(label, machine)));
      this.#machine.append(list);
    }
    fillSelect(this.#machine, [[OTHER, 'Another machine …']]);
    this.#margin = new MemoryField('margin', (margin) => onChange({ margin }));
    this.#listen(onChange);
  }

  show(settings: Settings): void {
    if (settings.machine !== this.#settings?.machine) this.#answer = null;
    this.#settings = settings;
    const { machine, kvOffload, margin } = settings;
    const preset = presetOf(machine);
    const isOther = this.#isWriting || (machine !== CPU_ONLY && preset === undefined);
    this.#machine.value = isOther ? OTHER : machine;
    byId('machine-other').hidden = !isOther;
    if (document.activeElement !== this.#text) this.#text.value = machine;
    byId('machine-note').textContent = noteOf(machine, isOther, preset?.shared);
    const hasGpus = machine !== CPU_ONLY;
    byId('offload').hidden = !hasGpus;
    byId('memory-title').textContent = hasGpus ? 'Memory of the host' : 'Memory';
    byId('model-allocators').hidden = hasGpus;
    this.#kvOffload.checked = kvOffload;
    this.#margin.show(margin);
    if (!hasGpus) return;
    this.#listCards(machine);
    this.#cards.value = String(settings.cards);
    this.#showLayers(settings);
  }

  /** What was measured: it stands where the reader chose nothing. */
  setAnswer(answer: MachineAnswer): void {
    this.#answer = answer;
  }

  /** All that the present answer chose, as choices of the reader; nothing where they chose it already. */
  pinned(): Partial<Settings> {
    if (this.#answer === null || this.#settings === null || this.#settings.layers !== 'auto') return {};
    const { choice, model } = this.#answer;
    const isSplit = choice.split.length > 1 && choice.layers > 0;
    return {
      layers: choice.layers,
      hostExperts: choice.hostExperts,
      context: model.contextSize,
      ...(isSplit ? { split: choice.split.join(',') } : {}),
    };
  }

  #showLayers(settings: Settings): void {
    const isAuto = settings.layers === 'auto';
    byId('layers-auto').hidden = isAuto;
    byId('layers-note').textContent = isAuto ? 'as many as fit' : '';
    this.#layers.disabled = this.#answer === null;
    if (this.#answer === null) return;
    const { layers, choice, expertLayers } = this.#answer;
    const count = settings.layers === 'auto' ? choice.layers : Math.min(settings.layers, layers.length);
    this.#layers.max = String(layers.length);
    showValue('layers', this.#layers, count, `${count} of ${layers.length}`);
    this.#layers.setAttribute('aria-valuetext', `${count} of ${counted(layers.length, 'layer')}, the output included`);
    byId('experts-row').hidden = expertLayers === 0;
    const experts = Math.min(isAuto ? choice.hostExperts : settings.hostExperts, expertLayers);
    this.#hostExperts.max = String(expertLayers);
    const text = experts === 0 ? 'none' : `of ${counted(experts, 'layer')}`;
    showValue('host-experts', this.#hostExperts, experts, text);
    this.#hostExperts.setAttribute('aria-valuetext', text);
  }

  #listCards(machine: string): void {
    if (machine === this.#listed) return;
    this.#listed = machine;
    const names = readMachine(machine).map(({ name }) => name);
    byId('cards-row').hidden = names.length < 2;
    this.#cards.replaceChildren();
    fillSelect(this.#cards, [
      ['all', 'Each GPU has some layers'],
      ...names.map((name, index) => [String(index), `All layers on ${name}`] as const),
    ]);
  }

  #listen(onChange: OnChange): void {
    this.#machine.addEventListener('input', () => {
      this.#isWriting = this.#machine.value === OTHER;
      if (this.#isWriting) {
        this.show(this.#settings!);
        this.#text.focus();
        return;
      }
      this.#say('');
      onChange(machineChange(this.#machine.value));
    });
    this.#text.addEventListener('input', () => {
      const machine = this.#text.value
        .trim()
        .split(/[\s,]+/)
        .join(' ');
      this.#say('');
      if (machine !== CPU_ONLY && isMachine(machine)) onChange(machineChange(machine));
    });
    this.#text.addEventListener('change', () => this.#say(wrongWith(this.#text.value)));
    byId('layers-auto').addEventListener('click', () => onChange({ layers: 'auto', split: '', hostExperts: 0 }));
    this.#layers.addEventListener('input', () => {
      onChange({ ...this.pinned(), layers: this.#layers.valueAsNumber });
    });
    this.#hostExperts.addEventListener('input', () => {
      onChange({ ...this.pinned(), hostExperts: this.#hostExperts.valueAsNumber });
    });
    this.#cards.addEventListener('input', () => {
      const { value } = this.#cards;
      onChange({ cards: value === 'all' ? value : Number(value) });
    });
    this.#kvOffload.addEventListener('input', () => onChange({ kvOffload: this.#kvOffload.checked }));
  }

  #say(problem: string): void {
    const error = byId('machine-error');
    error.textContent = problem;
    error.hidden = problem === '';
    this.#text.setAttribute('aria-invalid', String(problem !== ''));
  }
}

/** Another machine: what was chosen for the one before says nothing about it. */
function machineChange(machine: string): Partial<Settings> {
  const shared = presetOf(machine)?.shared;
  const memory = shared === undefined ? {} : { memory: shared };
  return { machine, layers: 'auto', hostExperts: 0, split: '', cards: 'all', ...memory };
}

function noteOf(machine: string, isOther: boolean, shared: number | undefined): string {
  if (isOther) return WRITTEN;
  if (machine === CPU_ONLY) return '';
  return shared === undefined ? NOMINAL : APPLE;
}

/** What is wrong with a written machine; empty if nothing is. */
function wrongWith(text: string): string {
  try {
    return readMachine(text).length > 0 ? '' : 'Name a device, such as cuda:24GiB.';
  } catch (error) {
    return (error as Error).message;
  }
}

function showValue(id: string, slider: HTMLInputElement, value: number, text: string): void {
  slider.value = String(value);
  byId(`${id}-value`).textContent = text === '' ? groupDigits(value) : text;
}

/**
 * Each device of a machine as a bar: what is there, against what is free.
 *
 * Invariant: elements stay while the devices do, so that what has the focus keeps it while a slider moves.
 */
import type { BufferPurpose } from 'tensor-arena/models';
import { counted, groupDigits, humanBytes } from 'tensor-arena/viewer';
import { byId, make } from './elements.js';

/** One device against its room. All sizes in bytes. */
export interface DeviceUse {
  readonly name: string;
  readonly sizes: Readonly<Record<ShownPurpose, number>>;
  readonly total: number;
  /** What may be taken. */
  readonly capacity: number;
  /** How much of it is to stay free. */
  readonly margin: number;
  /** Layers that are there; null for one that takes no part. */
  readonly layers: number;
}

/** What the page can show; it loads no adapters. */
export type ShownPurpose = Exclude<BufferPurpose, 'adapters'>;

export const PURPOSES = ['weights', 'context', 'compute', 'output'] as const satisfies readonly ShownPurpose[];

/** What a purpose is called. */
export function purposeTitle(purpose: BufferPurpose, isRecurrent: boolean): string {
  const titles = {
    weights: 'Weights',
    context: isRecurrent ? 'State' : 'KV cache',
    compute: 'Compute',
    output: 'Output',
    adapters: 'Adapters',
  };
  return titles[purpose];
}

interface Row {
  readonly element: HTMLElement;
  readonly parts: Readonly<Record<ShownPurpose, HTMLElement>>;
  readonly margin: HTMLElement;
  readonly limit: HTMLElement;
  readonly size: HTMLElement;
  readonly state: HTMLElement;
}

export class DeviceBars {
  readonly #target = byId('device-bars');
  readonly #tip = byId('device-tip');
  #rows: Row[] = [];
  #names = '';

  constructor() {
    const tell = ({ target }: Event): void => {
      const label = (target as HTMLElement).closest?.('.part')?.getAttribute('aria-label');
      if (label !== null && label !== undefined) this.#tip.textContent = label;
    };
    for (const type of ['pointerover', 'focusin']) this.#target.addEventListener(type, tell);
    for (const type of ['pointerleave', 'focusout']) {
      this.#target.addEventListener(type, () => (this.#tip.textContent = ''));
    }
  }

  show(devices: readonly DeviceUse[], isRecurrent: boolean): void {
    const names = devices.map(({ name }) => name).join();
    if (names !== this.#names) {
      this.#names = names;
      this.#rows = devices.map(({ name }) => rowOf(name));
      this.#target.replaceChildren(...this.#rows.map(({ element }) => element));
    }
    devices.forEach((device, index) => draw(this.#rows[index], device, isRecurrent));
    byId('legend').replaceChildren(
      ...PURPOSES.map((purpose) => legendEntry(purpose, purposeTitle(purpose, isRecurrent))),
      ...(devices.some(({ margin }) => margin > 0) ? [legendEntry('margin', 'to keep free')] : []),
    );
  }
}

function legendEntry(className: string, label: string): HTMLElement {
  return make('span', '', make('span', `swatch ${className}`), label);
}

function rowOf(name: string): Row {
  const part = (purpose: ShownPurpose): HTMLElement => {
    const element = make('span', `part ${purpose}`);
    element.tabIndex = 0;
    element.setAttribute('role', 'img');
    return element;
  };
  const parts = {
    weights: part('weights'),
    context: part('context'),
    compute: part('compute'),
    output: part('output'),
  };
  const [margin, limit] = [make('span', 'margin'), make('span', 'limit')];
  const [size, state] = [make('span', 'muted'), make('span', 'state')];
  const bar = make('div', 'bar', ...Object.values(parts), margin, limit);
  const element = make(
    'div',
    'device',
    make('div', 'row', make('span', '', make('strong', '', name), ' ', size), state),
    bar,
  );
  return { element, parts, margin, limit, size, state };
}

function draw({ element, parts, margin, limit, size, state }: Row, device: DeviceUse, isRecurrent: boolean): void {
  const { name, sizes, total, capacity, layers } = device;
  const whole = Math.max(total, capacity, 1);
  const percent = (bytes: number): string => `${(bytes / whole) * 100}%`;
  for (const purpose of PURPOSES) {
    const bytes = sizes[purpose];
    parts[purpose].hidden = bytes === 0;
    parts[purpose].style.width = percent(bytes);
    const title = `${name}, ${purposeTitle(purpose, isRecurrent)}: ${humanBytes(bytes)}`;
    parts[purpose].setAttribute('aria-label', `${title}, ${groupDigits(bytes)} bytes`);
  }
  const kept = Math.min(device.margin, capacity);
  margin.hidden = kept === 0;
  margin.style.left = percent(capacity - kept);
  margin.style.width = percent(kept);
  limit.hidden = total <= capacity;
  limit.style.left = percent(capacity);
  size.textContent = `${humanBytes(total)} of ${humanBytes(capacity)} · ${counted(layers, 'layer')}`;
  const { className, text } = stateOf(device);
  state.className = `state ${className}`;
  state.textContent = text;
  element.classList.toggle('over', className === 'no');
}

/** Whether a device has room for all, and whether enough stays free. */
export function stateOf({ total, capacity, margin }: DeviceUse): { className: 'yes' | 'tight' | 'no'; text: string } {
  const spare = humanBytes(Math.abs(capacity - total));
  if (total > capacity) return { className: 'no', text: `does not fit: ${spare} too much` };
  if (capacity - total < margin) return { className: 'tight', text: `tight: ${spare} left` };
  return { className: 'yes', text: `fits: ${spare} left` };
}

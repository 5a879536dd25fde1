/**
 * The lengths that the file of a network leaves open: a number and a slider for each.
 */
import { groupDigits } from 'tensor-arena/viewer';
import type { Dim } from '../messages.js';
import { MOST_LENGTH, type Settings } from '../settings.js';
import { nearestStop } from './context-stops.js';
import { byId, make, setValue } from './elements.js';

/** What a slider offers: two steps for each doubling. */
const STOPS = [1, ...Array.from({ length: 14 }, (_, bit) => [2 * 2 ** bit, 3 * 2 ** bit]).flat()];

interface Field {
  readonly name: string;
  readonly number: HTMLInputElement;
  readonly slider: HTMLInputElement;
}

export class DimFields {
  readonly #section = byId('shapes');
  readonly #list = byId('dims');
  readonly #onChange: (change: Pick<Settings, 'dims'>) => void;
  #fields: readonly Field[] = [];
  #dims: readonly Dim[] = [];

  constructor(onChange: (change: Pick<Settings, 'dims'>) => void) {
    this.#onChange = onChange;
  }

  /** Shows the lengths that were planned; nothing if there are none. */
  show(dims: readonly Dim[]): void {
    const isOther = dims.length !== this.#fields.length || dims.some(({ name }, i) => name !== this.#fields[i].name);
    this.#dims = dims;
    this.#section.hidden = dims.length === 0;
    if (isOther) this.#make();
    this.#fields.forEach(({ number, slider }, index) => {
      const { length } = dims[index];
      setValue(number, String(length));
      slider.value = String(nearestStop(STOPS, length));
      slider.setAttribute('aria-valuetext', groupDigits(length));
    });
  }

  #make(): void {
    this.#fields = this.#dims.map(({ name }, index) => this.#field(name, `dim-${index}`));
    const rows = this.#fields.flatMap(({ name, number, slider }) => {
      const label = make('label', '', name) as HTMLLabelElement;
      label.htmlFor = number.id;
      return [make('div', 'row', label, make('span', 'number', number)), slider];
    });
    this.#list.replaceChildren(...rows);
  }

  #field(name: string, id: string): Field {
    const number = input('number', { id, min: '1', step: '1' });
    const slider = input('range', { min: '0', max: String(STOPS.length - 1), step: '1' });
    slider.setAttribute('aria-label', `${name}, slider`);
    number.addEventListener('input', () => this.#change(name, number.valueAsNumber));
    number.addEventListener('blur', () => this.show(this.#dims));
    slider.addEventListener('input', () => this.#change(name, STOPS[slider.valueAsNumber]));
    return { name, number, slider };
  }

  #change(name: string, length: number): void {
    if (!Number.isInteger(length) || length < 1 || length > MOST_LENGTH) return;
    this.show(this.#dims.map((dim) => (dim.name === name ? { name, length } : dim)));
    this.#onChange({ dims: Object.fromEntries(this.#dims.map((dim) => [dim.name, dim.length])) });
  }
}

function input(type: string, attributes: Readonly<Record<string, string>>): HTMLInputElement {
  const element = make('input') as HTMLInputElement;
  element.type = type;
  Object.assign(element, attributes);
  return element;
}

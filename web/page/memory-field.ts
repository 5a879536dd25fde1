/**
 * A number and its unit, which together are an amount of memory.
 *
 * Invariant: a field that the reader is typing in is left alone; an amount out of range changes nothing.
 */
import { LIMITS } from '../settings.js';
import { byId, fillSelect } from './elements.js';

/** In parts of a GiB, largest first. */
const UNITS = [
  { unit: 'GiB', part: 1 },
  { unit: 'MiB', part: 2 ** -10 },
  { unit: 'KiB', part: 2 ** -20 },
] as const;

export class MemoryField {
  readonly #number: HTMLInputElement;
  readonly #unit: HTMLSelectElement;
  #shown = 0;

  /** Calls `onInput` with the amount in GiB when the reader changes it. */
  constructor(id: string, onInput: (gib: number) => void) {
    this.#number = byId<HTMLInputElement>(id);
    this.#unit = byId<HTMLSelectElement>(`${id}-unit`);
    fillSelect(
      this.#unit,
      UNITS.map(({ unit }) => [unit, unit]),
    );
    for (const field of [this.#number, this.#unit]) {
      field.addEventListener('input', () => {
        const gib = this.#typed();
        if (gib >= 0 && gib <= LIMITS.memory) onInput(gib);
      });
    }
    this.#number.addEventListener('blur', () => this.show(this.#shown));
  }

  /** In the unit that the reader chose, or else in the one in which the amount is easiest to read. */
  show(gib: number): void {
    this.#shown = gib;
    if (this.#typed() === gib) return;
    const readable = UNITS.find(({ part }) => gib >= part) ?? UNITS[gib === 0 ? 0 : UNITS.length - 1];
    this.#unit.value = readable.unit;
    if (document.activeElement !== this.#number) this.#number.value = String(gib / readable.part);
  }

  /** GiB; NaN if the field holds no number. */
  #typed(): number {
    return this.#number.valueAsNumber * UNITS[this.#unit.selectedIndex].part;
  }
}

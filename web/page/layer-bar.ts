/**
 * All layers of a model as a bar, with the borders between host and GPUs to drag or to move by key.
 *
 *     host ▏ CUDA0    ▏ CUDA1        the output is the last layer
 *
 * Invariant: borders never pass each other. While one is dragged the bar shows what the hand does, not what arrives.
 */
import { counted } from 'tensor-arena/viewer';
import { byId, make } from './elements.js';

/** Layers of the host, and then of each GPU. */
export type LayerCounts = readonly number[];

/** Layers that a border moves by Page Up and Page Down. */
const PAGE = 5;

const MOVES: Readonly<Partial<Record<string, number>>> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -PAGE,
  PageUp: PAGE,
  Home: -Infinity,
  End: Infinity,
};

/** Where border `index` may stand, and the counts once it stands at `at`. */
export function moved(counts: LayerCounts, index: number, at: number): LayerCounts {
  const { least, most, now } = rangeOf(counts, index);
  const by = Math.min(Math.max(Math.round(at), least), most) - now;
  return counts.map((count, device) => count + (device === index ? by : device === index + 1 ? -by : 0));
}

/** A border is between the one before and the one after it. */
export function rangeOf(counts: LayerCounts, index: number): { least: number; most: number; now: number } {
  const least = counts.slice(0, index).reduce((sum, count) => sum + count, 0);
  return { least, most: least + counts[index] + counts[index + 1], now: least + counts[index] };
}

export class LayerBar {
  readonly #target = byId('layer-bar');
  readonly #onMove: (counts: LayerCounts) => void;
  #names: readonly string[] = [];
  #counts: LayerCounts = [];
  #parts: HTMLElement[] = [];
  #borders: HTMLElement[] = [];
  /** The borders that may follow the pointer; none while nothing is dragged. */
  #grabbed: readonly number[] = [];

  constructor(onMove: (counts: LayerCounts) => void) {
    this.#onMove = onMove;
    this.#target.addEventListener('pointerdown', (event) => this.#grab(event));
    this.#target.addEventListener('pointermove', (event) => {
      if (this.#grabbed.length > 0) this.#drag(this.#layerAt(event.clientX));
    });
    for (const end of ['pointerup', 'pointercancel']) {
      this.#target.addEventListener(end, () => (this.#grabbed = []));
    }
  }

  /** @param names the host, and then each GPU that may have layers */
  show(names: readonly string[], counts: LayerCounts): void {
    if (this.#grabbed.length > 0) return;
    if (names.join() !== this.#names.join()) this.#build(names);
    this.#draw(counts);
  }

  #build(names: readonly string[]): void {
    this.#names = names;
    const gpus = names.length - 1;
    this.#parts = names.map((_, device) => make('div', `layers device-${device === 0 ? 'host' : (device - 1) % 4}`));
    this.#borders = Array.from({ length: gpus }, (_, index) => {
      const border = make('div', 'border');
      border.tabIndex = 0;
      border.setAttribute('role', 'slider');
      border.setAttribute('aria-label', `Border between ${names[index]} and ${names[index + 1]}`);
      border.addEventListener('keydown', (event) => {
        const by = MOVES[event.key];
        if (by === undefined) return;
        event.preventDefault();
        this.#move(index, rangeOf(this.#counts, index).now + by);
      });
      return border;
    });
    this.#target.replaceChildren(...this.#parts, ...this.#borders);
  }

  #draw(counts: LayerCounts): void {
    this.#counts = counts;
    const whole = Math.max(
      1,
      counts.reduce((sum, count) => sum + count, 0),
    );
    this.#parts.forEach((part, device) => {
      part.style.width = `${(counts[device] / whole) * 100}%`;
      part.textContent = counts[device] === 0 ? '' : `${this.#names[device]} ${counts[device]}`;
    });
    this.#borders.forEach((border, index) => {
      const { least, most, now } = rangeOf(counts, index);
      border.style.left = `${(now / whole) * 100}%`;
      border.setAttribute('aria-valuemin', String(least));
      border.setAttribute('aria-valuemax', String(most));
      border.setAttribute('aria-valuenow', String(now));
      const before = `${counted(counts[index], 'layer')} on ${this.#names[index]}`;
      border.setAttribute('aria-valuetext', `${before}, ${counts[index + 1]} on ${this.#names[index + 1]}`);
    });
  }

  /** The nearest border follows the pointer. Of several at one place, the way that the pointer goes tells which. */
  #grab(event: PointerEvent): void {
    if (event.button !== 0 || this.#borders.length === 0) return;
    const at = this.#layerAt(event.clientX);
    const away = this.#borders.map((_, index) => Math.abs(rangeOf(this.#counts, index).now - at));
    const least = Math.min(...away);
    this.#grabbed = away.flatMap((distance, index) => (distance === least ? [index] : []));
    this.#target.setPointerCapture(event.pointerId);
    event.preventDefault();
    this.#drag(at);
  }

  #drag(at: number): void {
    const { now } = rangeOf(this.#counts, this.#grabbed[0]);
    if (Math.round(at) === now) return;
    const index = at < now ? this.#grabbed[0] : this.#grabbed[this.#grabbed.length - 1];
    this.#grabbed = [index];
    this.#borders[index].focus();
    this.#move(index, at);
  }

  #move(index: number, at: number): void {
    const counts = moved(this.#counts, index, at);
    if (counts[index] === this.#counts[index]) return;
    this.#draw(counts);
    this.#onMove(counts);
  }

  #layerAt(x: number): number {
    const { left, width } = this.#target.getBoundingClientRect();
    const whole = this.#counts.reduce((sum, count) => sum + count, 0);
    return Math.min(Math.max((x - left) / width, 0), 1) * whole;
  }
}

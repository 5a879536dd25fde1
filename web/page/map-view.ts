/**
 * The memory map of the current plan, to look into. It stays in the worker that made the plan.
 */
import { MapViewer, openMap, VIEWER_STYLE, type OpenedMap, type ServedMap } from 'tensor-arena/viewer';
import { byId } from './elements.js';

export class MapView {
  readonly #target = byId('map');
  #viewer: MapViewer | null = null;
  #map: OpenedMap | null = null;
  #name = '';

  constructor() {
    const style = document.createElement('style');
    style.textContent = VIEWER_STYLE;
    document.head.append(style);
  }

  /** Says whether the map that is shown is of earlier settings, and the new one is on its way. */
  markOld(isOld: boolean): void {
    this.#target.classList.toggle('old', isOld);
  }

  /** Shows a map; the window stays while it is of the same file. */
  show(served: ServedMap, allocator: string, name: string): void {
    const before = this.#map;
    this.#map = openMap(served);
    const maps = [{ name: allocator, map: this.#map }];
    if (this.#viewer !== null && name === this.#name) {
      this.#viewer.update(maps, name);
    } else {
      this.#viewer?.remove();
      this.#viewer = new MapViewer(this.#target, maps, name);
    }
    before?.close();
    this.#name = name;
    this.markOld(false);
  }
}

/**
 * The memory map: to look into, or as a picture where there are too many boxes for that.
 */
import { MapViewer, VIEWER_STYLE } from 'tensor-arena/viewer';
import type { Picture } from '../messages.js';
import { byId } from './elements.js';

export class MapView {
  readonly #target = byId('map');
  #viewer: MapViewer | null = null;
  #image: HTMLImageElement | null = null;
  #name = '';

  constructor() {
    const style = document.createElement('style');
    style.textContent = VIEWER_STYLE;
    document.head.append(style);
  }

  /** Shows a picture; the window stays while it is of the same file. */
  show(picture: Picture, name: string): void {
    if (name !== this.#name || !('map' in picture)) this.#clear();
    this.#name = name;
    if ('svg' in picture) {
      this.#image = showImage(this.#target, picture.svg, name);
      return;
    }
    const maps = [{ name: picture.map.allocator || name, map: picture.map }];
    if (this.#viewer === null) this.#viewer = new MapViewer(this.#target, maps, name);
    else this.#viewer.update(maps, name);
  }

  #clear(): void {
    this.#viewer?.remove();
    this.#viewer = null;
    if (this.#image !== null) {
      URL.revokeObjectURL(this.#image.src);
      this.#image.remove();
      this.#image = null;
    }
  }
}

function showImage(target: HTMLElement, svg: string, name: string): HTMLImageElement {
  const image = new Image();
  image.alt = `Memory map of ${name}`;
  image.src = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  target.append(image);
  return image;
}

/**
 * A memory map to look into: hover and selection with details, zoom and pan, search, and a switch between plans.
 *
 * Invariant: what is on the screen is `drawMap` of the current map and window; nothing is drawn in a second way. All
 * that the pointer can do, the keyboard can.
 */
import { chunkBases } from '../report/map/columns.js';
import { defaultColors, drawMap, scaleOf, wholeMap, type MapOptions } from '../report/map/draw.js';
import type { MemoryMap } from '../report/map/memory-map.js';
import type { MapWindow, Scale } from '../report/map/scale.js';
import type { MapColors } from '../report/map/theme.js';
import { element } from '../report/map/svg.js';
import { showDetails } from './details-list.js';
import { boxNear, chainOf, neighbour } from './find-box.js';
import { listenToKeys, listenToPointer } from './input.js';
import { buildToolbar, type Toolbar } from './toolbar.js';
import { around, isWhole, pan, zoom, type Axes } from './view-window.js';

/** A plan to show, and what to call it. */
export interface ViewerMap {
  readonly name: string;
  readonly map: MemoryMap;
}

/** How near to a box the pointer must be to hit it, pixels. */
const REACH = 4;

export class MapViewer {
  readonly #root: HTMLElement;
  readonly #stage: HTMLElement;
  readonly #picture: HTMLElement;
  readonly #marks: HTMLElement;
  readonly #tip: HTMLElement;
  readonly #details: HTMLElement;
  readonly #toolbar: Toolbar;
  readonly #observer: ResizeObserver;
  #maps: readonly ViewerMap[];
  #title: string;
  #current = 0;
  #window: MapWindow;
  /** What the reader chose; the map decides until then. */
  #colors: MapColors | undefined;
  #selected = -1;
  #hovered = -1;
  #frame = 0;

  /** Fills `container`, whose size decides that of the picture. `maps` holds at least one. */
  constructor(container: HTMLElement, maps: readonly ViewerMap[], title = '') {
    const make = (name: string, className: string, parent: HTMLElement): HTMLElement => {
      const child = container.ownerDocument.createElement(name);
      child.className = className;
      parent.append(child);
      return child;
    };
    this.#maps = maps;
    this.#title = title;
    this.#window = this.#whole();
    this.#root = make('div', 'tav', container);
    this.#toolbar = buildToolbar(make('div', 'tav-bar', this.#root), this);
    this.#stage = make('div', 'tav-stage', this.#root);
    this.#stage.tabIndex = 0;
    this.#stage.setAttribute('role', 'application');
    this.#stage.setAttribute(
      'aria-label',
      'Memory map. N and P select the next and the previous storage, plus and minus zoom, arrows move, 0 shows all.',
    );
    this.#picture = make('div', 'tav-picture', this.#stage);
    this.#marks = make('div', 'tav-marks', this.#stage);
    this.#tip = make('div', 'tav-tip', this.#stage);
    this.#tip.hidden = true;
    this.#details = make('div', 'tav-details', this.#root);
    this.#details.setAttribute('role', 'status');
    listenToPointer(this.#stage, this);
    listenToKeys(this.#stage, this);
    this.#observer = new ResizeObserver(() => this.#redraw());
    this.#observer.observe(this.#stage);
    this.#toolbar.update();
    this.#redraw();
  }

  get maps(): readonly ViewerMap[] {
    return this.#maps;
  }

  /** Index of the map on the screen. */
  get current(): number {
    return this.#current;
  }

  get map(): MemoryMap {
    return this.#maps[this.#current].map;
  }

  /** What the colours say. */
  get colors(): MapColors {
    return this.#colors ?? defaultColors(this.map);
  }

  /** Pixels of the stage to steps and bytes, and back. */
  get scale(): Scale {
    return scaleOf(this.map, this.#options());
  }

  /** Shows other maps in the same place; the window stays if the picture has as many steps as before. */
  update(maps: readonly ViewerMap[], title = this.#title): void {
    const { steps } = this.#whole();
    const wasWhole = isWhole(this.#window, this.#whole());
    this.#maps = maps;
    this.#title = title;
    this.#current = Math.min(this.#current, maps.length - 1);
    if (wasWhole || this.#whole().steps.to !== steps.to) this.#window = this.#whole();
    this.#hovered = -1;
    this.#toolbar.update();
    this.select(-1);
  }

  /** Switches to another of the maps, at the same window and, where it is there, the same storage. */
  show(index: number): void {
    const selected = this.map.boxes[this.#selected];
    this.#current = index;
    this.#hovered = -1;
    this.#toolbar.update();
    const box = this.map.boxes.findIndex(({ name, start }) => name === selected?.name && start === selected.start);
    this.select(box, box !== -1 && !this.#isVisible(box));
  }

  setColors(colors: MapColors): void {
    this.#colors = colors;
    this.#changed();
  }

  /** Zooms around a point of the stage; the middle of the plot if there is none. `factor` below 1 zooms in. */
  zoom(factor: number, point?: { x: number; y: number }, axes?: Axes): void {
    const { scale } = this;
    const { x, y, width, height } = scale.plot;
    const at = point ?? { x: x + width / 2, y: y + height / 2 };
    const center = { step: scale.stepAt(at.x), bytes: scale.bytesAt(at.y) };
    this.#window = zoom(this.#window, this.#whole(), center, factor, axes);
    this.#changed();
  }

  /** Moves by parts of what is visible. */
  pan(right: number, up: number): void {
    this.#window = pan(this.#window, this.#whole(), right, up);
    this.#changed();
  }

  reset(): void {
    this.#window = this.#whole();
    this.#changed();
  }

  /** Hovers over what is under a point of the stage; over nothing if there is none. */
  hover(point: { x: number; y: number } | null): void {
    this.#hovered = point === null ? -1 : this.#boxAt(point);
    this.#mark();
    this.#placeTip(point);
  }

  selectAt(point: { x: number; y: number }): void {
    this.select(this.#boxAt(point));
  }

  /** Selects a box by its index, and shows its details; -1 selects none. */
  select(index: number, bringIntoView = false): void {
    this.#selected = index;
    if (index !== -1 && bringIntoView) {
      const { start, end, chunk, offset, size } = this.map.boxes[index];
      const bottom = chunkBases(this.map)[chunk] + offset;
      this.#window = around({ from: start, to: end }, { from: bottom, to: bottom + size }, this.#whole());
    }
    this.#changed();
    showDetails(this.#details, this.map, index);
  }

  selectNeighbour(by: 1 | -1): void {
    this.select(neighbour(this.map, this.#selected, by), !isWhole(this.#window, this.#whole()));
  }

  /** Takes the viewer out of the page. */
  remove(): void {
    this.#observer.disconnect();
    cancelAnimationFrame(this.#frame);
    this.#root.remove();
  }

  /** One window for all maps, so that a switch compares like with like. */
  #whole(): MapWindow {
    const windows = this.#maps.map(({ map }) => wholeMap(map));
    return {
      steps: { from: 0, to: Math.max(...windows.map(({ steps }) => steps.to)) },
      bytes: { from: 0, to: Math.max(...windows.map(({ bytes }) => bytes.to)) },
    };
  }

  #isVisible(index: number): boolean {
    const { chunk, offset, size } = this.map.boxes[index];
    const bottom = chunkBases(this.map)[chunk] + offset;
    return bottom < this.#window.bytes.to && bottom + size > this.#window.bytes.from;
  }

  #options(): MapOptions {
    const { clientWidth: width, clientHeight: height } = this.#stage;
    const { name } = this.#maps[this.#current];
    const title = [this.#title, this.#maps.length > 1 ? name : ''].filter((part) => part !== '').join(' · ') || name;
    return { title, width, height, colors: this.colors, window: this.#window, tooltips: false };
  }

  #boxAt({ x, y }: { x: number; y: number }): number {
    const { scale } = this;
    const { plot } = scale;
    if (x < plot.x || x > plot.x + plot.width || y < plot.y || y > plot.y + plot.height) return -1;
    const reach = {
      steps: scale.stepAt(x + REACH) - scale.stepAt(x),
      bytes: scale.bytesAt(y - REACH) - scale.bytesAt(y),
    };
    return boxNear(this.map, scale.stepAt(x), scale.bytesAt(y), reach);
  }

  #changed(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#redraw());
  }

  #redraw(): void {
    this.#stage.classList.toggle('tav-zoomed', !isWhole(this.#window, this.#whole()));
    this.#picture.innerHTML = drawMap(this.map, this.#options());
    this.#mark();
  }

  /** Outlines of what is hovered over and selected, and of what had the same bytes before and after it. */
  #mark(): void {
    const { map, scale } = this;
    const bases = chunkBases(map);
    const outline = (index: number, style: string): string => {
      const { start, end, chunk, offset, size } = map.boxes[index];
      const top = scale.y(bases[chunk] + offset + size);
      const height = Math.max(2, scale.y(bases[chunk] + offset) - top);
      const width = Math.max(2, scale.x(end) - scale.x(start));
      return element('rect', { class: style, x: scale.x(start), y: top, width, height });
    };
    const { clientWidth: width, clientHeight: height } = this.#stage;
    const { x, y, ...size } = scale.plot;
    const content = [this.#selected, this.#hovered]
      .filter((index) => index !== -1)
      .flatMap((index) => [
        ...chainOf(map, index).map((each) => outline(each, 'ta-related')),
        outline(index, 'ta-select'),
      ]);
    const clip = element(
      'clipPath',
      { id: 'tav-plot' },
      element('rect', { x: x - 1, y: y - 1, width: size.width + 2, height: size.height + 2 }),
    );
    const group = element('g', { 'clip-path': 'url(#tav-plot)' }, ...content);
    this.#marks.innerHTML = element('svg', { class: 'ta-map', width, height, 'aria-hidden': 'true' }, clip, group);
  }

  #placeTip(point: { x: number; y: number } | null): void {
    this.#tip.hidden = this.#hovered === -1 || point === null;
    if (this.#tip.hidden || point === null) return;
    showDetails(this.#tip, this.map, this.#hovered);
    const { offsetWidth: width, offsetHeight: height } = this.#tip;
    const { clientWidth, clientHeight } = this.#stage;
    const left = point.x + 16 + width > clientWidth ? point.x - 16 - width : point.x + 16;
    const top = Math.min(point.y + 16, clientHeight - height - 4);
    this.#tip.style.left = `${Math.max(4, left)}px`;
    this.#tip.style.top = `${Math.max(4, top)}px`;
  }
}

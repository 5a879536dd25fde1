/**
 * A memory map to look into: hover and selection with details, zoom and pan, search, and a switch between plans.
 *
 * Invariant: what is on the screen is `drawMap` of a map and a window; nothing is drawn in a second way. While one
 * drawing is under way only the newest wish waits, and an answer about another map than the current one is dropped. All
 * that the pointer can do, the keyboard can.
 */
import { checkArgument } from '../errors.js';
import type { MapOptions } from '../map/options.js';
import { Scale, type MapWindow } from '../map/scale.js';
import type { MapColors } from '../map/theme.js';
import { showDetails } from './details-list.js';
import type { PageElement } from './dom-types.js';
import { listenToKeys, listenToPointer, type Point } from './input.js';
import type { BoxQuestion, FoundBox, MapSource, SearchResult } from './map-source.js';
import { drawMarks } from './marks.js';
import { checkContainer, sourcesOf, type NamedSource, type ViewerMap } from './named-source.js';
import { Newest } from './newest.js';
import { placeTip } from './tip.js';
import { buildToolbar, type Toolbar } from './toolbar.js';
import { around, isVisible, isWhole, pan, zoom, type Axes } from './view-window.js';

/** How near to a box the pointer must be to hit it, pixels. */
const REACH = 4;

/**
 * A viewer on a page: {@link VIEWER_STYLE} has to be in a style sheet of it. Its container needs a height.
 */
export class MapViewer {
  readonly #root: HTMLElement;
  readonly #stage: HTMLElement;
  readonly #picture: HTMLElement;
  readonly #marks: HTMLElement;
  readonly #tip: HTMLElement;
  readonly #details: HTMLElement;
  readonly #toolbar: Toolbar;
  readonly #observer: ResizeObserver;
  #maps: readonly NamedSource[];
  #title: string;
  #current = 0;
  /** What the reader wants to see; the picture follows. */
  #window: MapWindow;
  /** What the picture shows. */
  #drawn: Scale;
  /** What the reader chose; the map decides until then. */
  #colors: MapColors | undefined;
  #selected: FoundBox | null = null;
  #hovered: FoundBox | null = null;
  #pointer: Point | null = null;
  #frame = 0;
  readonly #drawings = new Newest<MapSource>();
  readonly #hovers = new Newest<MapSource>();

  /**
   * Fills `container`, whose size decides that of the picture. `maps` holds at least one.
   *
   * @throws PlannerError `BAD_ARGUMENT`
   */
  constructor(container: PageElement, maps: readonly ViewerMap[], title = '') {
    const make = (name: string, className: string, parent: HTMLElement): HTMLElement => {
      const child = container.ownerDocument.createElement(name);
      child.className = className;
      parent.append(child);
      return child;
    };
    checkContainer(container);
    this.#maps = sourcesOf(maps);
    this.#title = title;
    this.#window = this.#whole();
    this.#drawn = new Scale(this.#window, { x: 0, y: 0, width: 1, height: 1 });
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
    this.#observer = new ResizeObserver(() => this.#draw());
    this.#observer.observe(this.#stage);
    this.#toolbar.update();
    this.#draw();
  }

  /** What the maps are called. */
  get names(): readonly string[] {
    return this.#maps.map(({ name }) => name);
  }

  /** Index of the map on the screen. */
  get current(): number {
    return this.#current;
  }

  /** What the colours say. */
  get colors(): MapColors {
    return this.#colors ?? this.#source.facts.colors;
  }

  /** Pixels of the stage to steps and bytes, and back, in the window that the reader wants. */
  get scale(): Scale {
    return new Scale(this.#window, this.#drawn.plot);
  }

  /**
   * Shows other maps in the same place. The window stays if there are as many steps as before; so does the selection.
   *
   * @throws PlannerError `BAD_ARGUMENT`; then the maps stay as they are
   */
  update(maps: readonly ViewerMap[], title = this.#title): void {
    const whole = this.#whole();
    const wasWhole = isWhole(this.#window, whole);
    this.#maps = sourcesOf(maps);
    this.#title = title;
    this.#current = Math.min(this.#current, maps.length - 1);
    if (wasWhole || this.#whole().steps.to !== whole.steps.to) this.#window = this.#whole();
    this.#changeMap(false);
    this.#draw(); // at once: a worker has its next plan to make soon
  }

  /** Switches to another of the maps, at the same window and, where it is there, the same storage. */
  show(index: number): void {
    const { length } = this.#maps;
    checkArgument(
      index in this.#maps,
      'index',
      index,
      `from 0 to ${length - 1}`,
      'Give the place of a map in the list.',
    );
    this.#current = index;
    this.#changeMap(true);
    this.#drawSoon();
  }

  /** Colours by the family of the operation, or by size. */
  setColors(colors: MapColors): void {
    this.#colors = colors;
    this.#drawSoon();
  }

  /** Zooms around a point of the stage; the middle of the plot if there is none. `factor` below 1 zooms in. */
  zoom(factor: number, point?: Point, axes?: Axes): void {
    const { scale } = this;
    const { x, y, width, height } = scale.plot;
    const at = point ?? { x: x + width / 2, y: y + height / 2 };
    const center = { step: scale.stepAt(at.x), bytes: scale.bytesAt(at.y) };
    this.#window = zoom(this.#window, this.#whole(), center, factor, axes);
    this.#drawSoon();
  }

  /** Moves by parts of what is visible. */
  pan(right: number, up: number): void {
    this.#window = pan(this.#window, this.#whole(), right, up);
    this.#drawSoon();
  }

  /** Shows everything. */
  reset(): void {
    this.#window = this.#whole();
    this.#drawSoon();
  }

  /** Hovers over what is under a point of the stage; over nothing if there is none. */
  hover(point: Point | null): void {
    this.#pointer = point;
    if (point === null) this.#showHovered(null);
    else this.#hovers.ask(this.#source, (source) => this.#lookUnderPointer(source));
  }

  /** Selects what is under a point of the stage, and shows its details; none if nothing is there. */
  selectAt(point: Point): void {
    this.#find(this.#questionAt(point), (box) => this.select(box));
  }

  /** Selects a box and shows its details; null selects none. */
  select(box: FoundBox | null, bringIntoView = false): void {
    this.#selected = box;
    if (box !== null && bringIntoView) {
      this.#window = around(box.area.steps, box.area.bytes, this.#whole());
      this.#drawSoon();
    }
    this.#mark();
    showDetails(this.#details, box);
  }

  /** Selects the storage that begins after the selected one, or before it (−1). */
  selectNeighbour(by: 1 | -1): void {
    this.#find({ beside: this.#selected?.index ?? -1, by }, (box) => {
      if (box !== null) this.select(box, !isWhole(this.#window, this.#whole()));
    });
  }

  /** Boxes of the current map whose name, operation or view has `query` in it. */
  search(query: string, limit: number): Promise<SearchResult> {
    return this.#source.search(query, limit);
  }

  /** Takes the viewer out of the page. */
  remove(): void {
    this.#observer.disconnect();
    cancelAnimationFrame(this.#frame);
    this.#root.remove();
  }

  get #source(): MapSource {
    return this.#maps[this.#current].source;
  }

  /** One window for all maps, so that a switch compares like with like. */
  #whole(): MapWindow {
    const windows = this.#maps.map(({ source }) => source.facts.whole);
    return {
      steps: { from: 0, to: Math.max(...windows.map(({ steps }) => steps.to)) },
      bytes: { from: 0, to: Math.max(...windows.map(({ bytes }) => bytes.to)) },
    };
  }

  /** The map is another one: what was selected in the old one is looked for in it. */
  #changeMap(bringIntoView: boolean): void {
    const before = this.#selected;
    this.#toolbar.update();
    this.#showHovered(null);
    if (before === null) return;
    this.#find({ name: before.name, start: before.area.steps.from }, (box) => {
      if (this.#selected !== before) return;
      this.select(box, bringIntoView && box !== null && !isVisible(box.area, this.#window));
    });
  }

  /** Hands over the answer of the current map, unless that is another one by then. */
  #find(question: BoxQuestion, use: (box: FoundBox | null) => void): void {
    const source = this.#source;
    void source.find(question).then((box) => {
      if (source === this.#source) use(box);
    });
  }

  #questionAt({ x, y }: Point): BoxQuestion {
    const { plot } = this.#drawn;
    const isInside = x >= plot.x && x <= plot.x + plot.width && y >= plot.y && y <= plot.y + plot.height;
    if (!isInside) return { index: -1 };
    const [step, bytes] = [this.#drawn.stepAt(x), this.#drawn.bytesAt(y)];
    const reach = { steps: this.#drawn.stepAt(x + REACH) - step, bytes: this.#drawn.bytesAt(y - REACH) - bytes };
    return { step, bytes, reach };
  }

  async #lookUnderPointer(source: MapSource): Promise<void> {
    if (this.#pointer === null) return;
    const box = await source.find(this.#questionAt(this.#pointer));
    if (source === this.#source && this.#pointer !== null) this.#showHovered(box);
  }

  #showHovered(box: FoundBox | null): void {
    this.#hovered = box;
    this.#mark();
    placeTip(this.#tip, this.#stage, box, this.#pointer);
  }

  #drawSoon(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#drawings.ask(this.#source, async (source) => {
      const window = this.#window;
      const { svg, plot } = await source.draw(this.#options());
      if (source !== this.#source) return;
      this.#drawn = new Scale(window, plot);
      this.#stage.classList.toggle('tav-zoomed', !isWhole(window, this.#whole()));
      this.#picture.innerHTML = svg;
      this.#mark();
    });
  }

  #options(): MapOptions {
    const { clientWidth: width, clientHeight: height } = this.#stage;
    const { name } = this.#maps[this.#current];
    const title = [this.#title, this.#maps.length > 1 ? name : ''].filter((part) => part !== '').join(' · ') || name;
    return { title, width, height, colors: this.colors, window: this.#window, tooltips: false };
  }

  #mark(): void {
    const { clientWidth: width, clientHeight: height } = this.#stage;
    const boxes = [this.#selected, this.#hovered].filter((box) => box !== null);
    this.#marks.innerHTML = drawMarks(boxes, this.#drawn, { width, height });
  }
}

/**
 * The buttons over a map: which plan, search, colours, zoom.
 */
import { groupDigits, humanBytes } from '../format.js';
import type { MapColors } from '../map/theme.js';
import type { FoundBox, SearchResult } from './map-source.js';

/** What the toolbar shows and does. */
export interface ToolbarActions {
  /** Of the plans. */
  readonly names: readonly string[];
  readonly current: number;
  readonly colors: MapColors;
  show(index: number): void;
  setColors(colors: MapColors): void;
  search(query: string, limit: number): Promise<SearchResult>;
  select(box: FoundBox, bringIntoView?: boolean): void;
  zoom(factor: number): void;
  reset(): void;
}

/** A toolbar that follows its viewer. */
export interface Toolbar {
  /** Shows the viewer's current maps. */
  update(): void;
}

const MOST_HITS = 12;

/** Fills `bar`. */
export function buildToolbar(bar: HTMLElement, viewer: ToolbarActions): Toolbar {
  const { make, button } = makers(bar.ownerDocument);
  const plans = make('div', { class: 'tav-group', role: 'group', 'aria-label': 'Plan' });
  const colors = make('select', { 'aria-label': 'Colours' }) as HTMLSelectElement;
  for (const each of ['family', 'size']) {
    colors.append(make('option', { value: each }, `colour by ${each}`));
  }
  colors.addEventListener('change', () => viewer.setColors(colors.value as MapColors));
  const zooming = make('div', { class: 'tav-group', role: 'group', 'aria-label': 'Zoom' });
  zooming.append(
    button('−', 'Zoom out', () => viewer.zoom(1 / 0.6)),
    button('+', 'Zoom in', () => viewer.zoom(0.6)),
    button('all', 'Show all', () => viewer.reset()),
  );
  bar.append(plans, buildSearch(bar.ownerDocument, viewer), colors, zooming);
  return {
    update: () => {
      plans.hidden = viewer.names.length < 2;
      const buttons = viewer.names.map((name, index) => {
        const each = button(name, `Show ${name}`, () => viewer.show(index));
        each.setAttribute('aria-pressed', String(index === viewer.current));
        return each;
      });
      const hadFocus = [...plans.children].indexOf(bar.ownerDocument.activeElement!);
      plans.replaceChildren(...buttons);
      buttons[hadFocus]?.focus();
      colors.value = viewer.colors;
    },
  };
}

/** A search field with the hits below it; Enter takes the first. */
function buildSearch(page: Document, viewer: ToolbarActions): HTMLElement {
  const { make } = makers(page);
  const search = make('div', { class: 'tav-search', role: 'search' });
  const field = make('input', { type: 'search', placeholder: 'Find by name', 'aria-label': 'Find a tensor by name' });
  const input = field as HTMLInputElement;
  const hits = make('ul', { class: 'tav-hits', 'aria-label': 'Found' });
  const none = make('p', { class: 'tav-none', role: 'status' });
  /** For those who do not see the list. */
  const count = make('p', { class: 'tav-unseen', role: 'status' });
  const clear = (): void => {
    hits.replaceChildren();
    none.textContent = count.textContent = '';
  };
  const take = (box: FoundBox): void => {
    clear();
    viewer.select(box, true);
  };
  const itemOf = (box: FoundBox): HTMLElement => {
    const { name, op, size } = box;
    const what = `${op === 'NONE' ? 'leaf' : op} ${humanBytes(size)}`.trim();
    const item = make('li', {});
    const hit = make('button', { type: 'button' });
    hit.append(make('span', {}, name), ' ', make('small', {}, what));
    hit.addEventListener('click', () => take(box));
    item.append(hit);
    return item;
  };
  /** Hands over what is found, unless the reader has typed on meanwhile. */
  const find = (limit: number, use: (found: SearchResult) => void): void => {
    const query = input.value;
    void viewer.search(query, limit).then((found) => {
      if (query === input.value) use(found);
    });
  };
  const show = ({ boxes, total }: SearchResult): void => {
    hits.replaceChildren(...boxes.map(itemOf));
    const more = total - boxes.length;
    if (more > 0) hits.append(make('li', { class: 'tav-more' }, `${groupDigits(more)} more`));
    none.textContent = total === 0 && input.value.trim() !== '' ? 'Nothing has this in its name.' : '';
    count.textContent =
      total === 0 ? '' : `${groupDigits(total)} found${more > 0 ? `, ${boxes.length} of them listed` : ''}`;
  };
  input.addEventListener('input', () => find(MOST_HITS, show));
  search.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') clear();
    if (event.key !== 'Enter' || event.target !== input) return;
    find(1, ({ boxes: [first] }) => first !== undefined && take(first));
  });
  search.addEventListener('focusout', (event) => {
    if (!search.contains(event.relatedTarget as Node | null)) clear();
  });
  search.append(input, hits, none, count);
  return search;
}

interface Makers {
  readonly make: (name: string, attributes: Readonly<Record<string, string>>, text?: string) => HTMLElement;
  readonly button: (label: string, title: string, onClick: () => void) => HTMLButtonElement;
}

function makers(page: Document): Makers {
  const make = (name: string, attributes: Readonly<Record<string, string>>, text = ''): HTMLElement => {
    const element = page.createElement(name);
    element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const button = (label: string, title: string, onClick: () => void): HTMLButtonElement => {
    const element = make('button', { type: 'button', title, 'aria-label': title }, label) as HTMLButtonElement;
    element.addEventListener('click', onClick);
    return element;
  };
  return { make, button };
}

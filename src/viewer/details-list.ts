/**
 * The details of a box as elements of a page.
 */
import type { MemoryMap } from '../report/map/memory-map.js';
import { detailsOf } from './details.js';

/** Puts name and details of a box into `target`; nothing if `index` is -1. */
export function showDetails(target: HTMLElement, map: MemoryMap, index: number): void {
  const make = (name: string, content: string, className = ''): HTMLElement => {
    const element = target.ownerDocument.createElement(name);
    element.textContent = content;
    if (className !== '') element.className = className;
    return element;
  };
  if (index === -1) {
    target.replaceChildren();
    return;
  }
  const list = make('dl', '');
  for (const [term, value] of detailsOf(map, index)) {
    const row = make('div', '');
    row.style.display = 'contents';
    row.append(make('dt', term), make('dd', value));
    list.append(row);
  }
  target.replaceChildren(make('p', map.boxes[index].name, 'tav-name'), list);
}

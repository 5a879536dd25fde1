/**
 * The details of a box as elements of a page.
 */
import type { FoundBox } from './map-source.js';

/** Puts name and details of a box into `target`; nothing if there is none. */
export function showDetails(target: HTMLElement, box: FoundBox | null): void {
  const make = (name: string, content: string, className = ''): HTMLElement => {
    const element = target.ownerDocument.createElement(name);
    element.textContent = content;
    if (className !== '') element.className = className;
    return element;
  };
  if (box === null) {
    target.replaceChildren();
    return;
  }
  const list = make('dl', '');
  for (const [term, value] of box.details) {
    const row = make('div', '');
    row.append(make('dt', term), make('dd', value));
    list.append(row);
  }
  target.replaceChildren(make('p', box.name, 'tav-name'), list);
}

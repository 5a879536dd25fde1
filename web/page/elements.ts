/**
 * Elements of the page, found or made.
 */

/** The element with this id, which the page has. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** A new element with its content. */
export function make(name: string, className = '', ...content: (Node | string)[]): HTMLElement {
  const element = document.createElement(name);
  if (className !== '') element.className = className;
  element.append(...content);
  return element;
}

/** A button that does something. */
export function button(label: string, onClick: () => void): HTMLButtonElement {
  const element = make('button', '', label) as HTMLButtonElement;
  element.type = 'button';
  element.addEventListener('click', onClick);
  return element;
}

/** Shows a value, unless the reader is typing there. */
export function setValue(field: HTMLInputElement, value: string): void {
  if (document.activeElement !== field) field.value = value;
}

/** Fills a list to choose from. */
export function fillSelect(
  select: HTMLSelectElement,
  options: readonly (readonly [value: string, label: string])[],
): void {
  select.append(...options.map(([value, label]) => new Option(label, value)));
}

/** Reading SVG back: is it well-formed, and where are its texts? */
import { textWidth } from '../../src/map/svg.js';

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Text directly inside, with its entities resolved. */
  readonly text: string;
}

interface Open {
  name: string;
  attributes: Record<string, string>;
  children: Open[];
  text: string;
}

const TOKEN = /<\/([\w-]+)>|<([\w-]+)((?: [\w:-]+="[^"<]*")*)(\/?)>|([^<]+)/y;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

function resolved(text: string): string {
  return text.replace(/&([^;]*);?/g, (whole, name: string) => {
    const character = ENTITIES[name];
    if (character === undefined) throw new Error(`not an entity of XML: ${whole}`);
    return character;
  });
}

/** Parses the part of XML that a map may use, strictly. Throws where the text is not well-formed. */
export function parseXml(text: string): XmlElement {
  const root: Open = { name: '', attributes: {}, children: [], text: '' };
  const path = [root];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw new Error(`not well-formed at ${at}: ${text.slice(at, at + 60)}`);
    const [, closed, opened, list, slash, content] = match;
    const top = path[path.length - 1];
    if (content !== undefined) top.text += resolved(content);
    else if (closed !== undefined) {
      if (path.length < 2 || top.name !== closed) throw new Error(`</${closed}> closes <${top.name}>`);
      path.pop();
    } else {
      const attributes: Record<string, string> = {};
      for (const [, key, value] of list.matchAll(/ ([\w:-]+)="([^"]*)"/g)) {
        if (key in attributes) throw new Error(`${key} twice in <${opened}>`);
        attributes[key] = resolved(value);
      }
      const element: Open = { name: opened, attributes, children: [], text: '' };
      top.children.push(element);
      if (slash === '') path.push(element);
    }
  }
  if (path.length !== 1 || root.children.length !== 1) throw new Error('not one complete element');
  return root.children[0];
}

/** The element and all below it. */
export function allElements(element: XmlElement): XmlElement[] {
  return [element, ...element.children.flatMap(allElements)];
}

export interface Rect {
  readonly label: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const SIZES: readonly (readonly [string, number])[] = [
  ['ta-title', 17],
  ['ta-small', 11],
  ['ta-name', 11],
];

/** The rectangles of all texts, by the library's own, cautious, estimate of their widths. */
export function textRects(element: XmlElement, dx = 0, dy = 0): Rect[] {
  const [, x = '0', y = '0'] = /translate\(([-\d.]+) ([-\d.]+)\)/.exec(element.attributes.transform ?? '') ?? [];
  const left = dx + Number(x);
  const top = dy + Number(y);
  const inside = element.children.flatMap((child) => textRects(child, left, top));
  if (element.name !== 'text') return inside;
  const { class: style = '', 'text-anchor': anchor = 'start' } = element.attributes;
  const size = SIZES.find(([name]) => style.split(' ').includes(name))?.[1] ?? 12;
  const width = textWidth(element.text, size);
  const before = { start: 0, middle: width / 2, end: width }[anchor]!;
  const above = 0.8 * size;
  const below = 0.2 * size;
  const label = element.text;
  const px = left + Number(element.attributes.x ?? 0);
  const py = top + Number(element.attributes.y ?? 0);
  return element.attributes.transform?.includes('rotate(-90)')
    ? [{ label, left: px - above, right: px + below, top: py - (width - before), bottom: py + before }]
    : [{ label, left: px - before, right: px + width - before, top: py - above, bottom: py + below }];
}

/** The first two rectangles that overlap, as text; `null` if none do. */
export function firstOverlap(rects: readonly Rect[]): string | null {
  const sorted = [...rects].sort((a, b) => a.left - b.left);
  for (const [index, a] of sorted.entries()) {
    for (let next = index + 1; next < sorted.length && sorted[next].left < a.right - 0.01; next++) {
      const b = sorted[next];
      if (a.top < b.bottom - 0.01 && b.top < a.bottom - 0.01) return `"${a.label}" and "${b.label}"`;
    }
  }
  return null;
}

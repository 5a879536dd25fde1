/**
 * SVG as text: elements, escaping, numbers, and how wide a text is.
 */

type Attributes = Readonly<Record<string, string | number>>;

/** An element with its attributes and content; content is markup already. */
export function element(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const list = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? px(value) : escapeText(value)}"`)
    .join('');
  return content.length === 0 ? `<${name}${list}/>` : `<${name}${list}>${content.join('')}</${name}>`;
}

/** A line of text. */
export function text(content: string, attributes: Attributes): string {
  return element('text', attributes, escapeText(content));
}

/** A coordinate to a hundredth of a pixel: finer is invisible, and only makes files larger. */
export function px(value: number): string {
  return String(Math.round(value * 100) / 100);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as content or attribute of XML: characters that XML forbids become U+FFFD. */
export function escapeText(content: string): string {
  // eslint-disable-next-line no-control-regex -- these, and lone surrogates, are what XML 1.0 forbids
  const allowed = content.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd');
  return allowed.replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/** Widths of the characters of a wide sans-serif font, in parts of the font size; others count as `0.65`. */
const WIDTHS: readonly (readonly [RegExp, number])[] = [
  [/[ijl.,:;'|!]/, 0.34],
  [/[frt()[\]{}/\\ -]/, 0.42],
  [/[mwMW@%]/, 1],
  [/[A-Z&#+=<>~→·–]/, 0.8],
  [/[^\u0020-\u024f→·–…]/, 1.1],
];

const ELLIPSIS = '…';
const widthOf = new Map<string, number>();

function characterWidth(character: string): number {
  let width = widthOf.get(character);
  if (width === undefined) {
    width = WIDTHS.find(([kind]) => kind.test(character))?.[1] ?? 0.65;
    widthOf.set(character, width);
  }
  return width;
}

/** An upper estimate of the width of a text, pixels: no font is at hand, and labels must never overlap. */
export function textWidth(content: string, fontSize: number): number {
  let width = 0;
  for (const character of content) width += characterWidth(character);
  return width * fontSize;
}

/** The text, shortened in its middle to fit a width; empty if fewer than `least` characters would be left. O(length) */
export function fitText(content: string, fontSize: number, width: number, least = 6): string {
  const whole = textWidth(content, fontSize);
  if (whole <= width) return content;
  const characters = [...content];
  let excess = (whole - width) / fontSize + characterWidth(ELLIPSIS);
  let head = Math.ceil(characters.length / 2);
  let tail = head;
  while (excess > 0 && head + characters.length - tail > least) {
    const cutsTail = head <= characters.length - tail;
    excess -= characterWidth(characters[cutsTail ? tail++ : --head]);
  }
  return excess > 0 ? '' : characters.slice(0, head).join('') + ELLIPSIS + characters.slice(tail).join('');
}

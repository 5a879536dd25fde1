/**
 * How many columns of a terminal a text takes, and how to make it take fewer.
 *
 * Invariant: what is seen as one character is measured and cut as one.
 */

/** Blocks that Unicode calls wide, and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;
const NOTHING = /^[\p{Mn}\p{Me}\p{Cf}]*$/u;
const NARROW = /^[\u0020-\u007e]*$/;

const characters = new Intl.Segmenter('en', { granularity: 'grapheme' });
const ELLIPSIS = '…';

function split(text: string): string[] {
  return Array.from(characters.segment(text), ({ segment }) => segment);
}

function widthOfCharacter(character: string): number {
  if (NOTHING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Columns of a terminal. */
export function displayWidth(text: string): number {
  if (NARROW.test(text)) return text.length;
  return split(text).reduce((width, character) => width + widthOfCharacter(character), 0);
}

/** The text, cut in its middle to at most `width` columns: names differ at both ends. */
export function shorten(text: string, width: number): string {
  let excess = displayWidth(text) - width;
  if (excess <= 0) return text;
  const parts = split(text);
  let head = Math.ceil(parts.length / 2);
  let tail = head;
  for (excess += 1; excess > 0 && tail - head < parts.length;) {
    const cutsTail = head <= parts.length - tail;
    excess -= widthOfCharacter(parts[cutsTail ? tail++ : --head]);
  }
  return parts.slice(0, head).join('') + ELLIPSIS + parts.slice(tail).join('');
}

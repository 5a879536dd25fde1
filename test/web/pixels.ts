/**
 * What is to be seen in a screenshot, by its decoded pixels and without a picture to compare with: fonts and
 * renderers differ between machines, what has to be there does not.
 *
 * Invariant: each check throws with what it measured.
 */
import type { Locator, Page } from 'playwright-core';

/** A decoded picture: four bytes a pixel, row by row. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8Array;
}

/** Red, green and blue, up to 255 each. */
export type Color = readonly [red: number, green: number, blue: number];

/** Blending and colour profiles move a channel by less than this. */
const TOLERANCE = 6;

/** Decodes a PNG with the browser's own decoder. `on` is a page without a content policy: a blank one. */
export async function decodePng(png: Buffer, on: Page): Promise<Image> {
  const decoded = await on.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const { width, height } = bitmap;
    const surface = new OffscreenCanvas(width, height).getContext('2d')!;
    surface.drawImage(bitmap, 0, 0);
    const { data } = surface.getImageData(0, 0, width, height);
    let text = '';
    for (let at = 0; at < data.length; at += 4096) text += String.fromCharCode(...data.subarray(at, at + 4096));
    return { width, height, text: btoa(text) };
  }, png.toString('base64'));
  const { width, height, text } = decoded;
  return { width, height, rgba: Buffer.from(text, 'base64') };
}

/** How many pixels have this colour. */
export function countColor({ rgba }: Image, [red, green, blue]: Color): number {
  let count = 0;
  for (let at = 0; at < rgba.length; at += 4) {
    const away = Math.max(Math.abs(rgba[at] - red), Math.abs(rgba[at + 1] - green), Math.abs(rgba[at + 2] - blue));
    if (away <= TOLERANCE) count++;
  }
  return count;
}

/** Throws unless each colour covers `least` pixels. */
export function checkColors(image: Image, colors: readonly Color[], least: number): void {
  if (colors.length === 0) throw new Error('There is no colour to look for.');
  for (const color of colors) {
    const count = countColor(image, color);
    if (count < least) throw new Error(`rgb(${color.join(', ')}) covers ${count} pixels instead of ${least}.`);
  }
}

/** Throws if more than `most` of the pixels (a share) have one and the same colour. */
export function checkNotBlank({ rgba }: Image, most: number): void {
  const counts = new Map<number, number>();
  for (let at = 0; at < rgba.length; at += 4) {
    const color = rgba[at] * 65_536 + rgba[at + 1] * 256 + rgba[at + 2];
    counts.set(color, (counts.get(color) ?? 0) + 1);
  }
  const share = (Math.max(...counts.values()) * 4) / rgba.length;
  if (share > most) throw new Error(`One colour covers ${share.toFixed(3)} of the picture, more than ${most}.`);
}

/** Throws unless nearly all pixels are dark: what is bright is text and lines. */
export function checkDark({ rgba }: Image): void {
  let dark = 0;
  for (let at = 0; at < rgba.length; at += 4) {
    if (0.2126 * rgba[at] + 0.7152 * rgba[at + 1] + 0.0722 * rgba[at + 2] < 128) dark++;
  }
  const share = (dark * 4) / rgba.length;
  if (share < 0.9) throw new Error(`Only ${share.toFixed(3)} of the picture is dark.`);
}

/** How many pixels differ between two pictures of the same size. */
export function countDifferent(a: Image, b: Image): number {
  if (a.width !== b.width || a.height !== b.height) throw new Error('The pictures are of different sizes.');
  let count = 0;
  for (let at = 0; at < a.rgba.length; at += 4) {
    const away = [0, 1, 2].map((channel) => Math.abs(a.rgba[at + channel] - b.rgba[at + channel]));
    if (Math.max(...away) > TOLERANCE) count++;
  }
  return count;
}

/** Throws unless at least `least` pixels differ between two pictures. */
export function checkDifferent(a: Image, b: Image, least: number): void {
  const count = countDifferent(a, b);
  if (count < least) throw new Error(`The pictures differ in ${count} pixels, fewer than ${least}.`);
}

/** Throws if the page can be scrolled sideways. */
export async function checkNoOverflow(page: Page): Promise<void> {
  const { inner, outer } = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return { inner: scrollWidth, outer: clientWidth };
  });
  if (inner > outer) throw new Error(`The page is ${inner} pixels wide on a screen of ${outer}.`);
}

/** The colours that the legend of a map shows, as they are computed. */
export function legendColors(map: Locator): Promise<Color[]> {
  return map.locator('rect[width="14"][height="12"]:not(.ta-box)').evaluateAll((swatches) =>
    swatches.map((each) => {
      const [red, green, blue] = getComputedStyle(each).fill.match(/\d+/g)!.map(Number);
      return [red, green, blue] as const;
    }),
  );
}

/**
 * A screenshot as pixels, so that tests can say what is to be seen in it, whatever the fonts and the edges of a machine are.
 *
 * Invariant: the picture itself is kept as a file, for people to look at.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { projectPath } from './shared.js';

type Rgb = readonly [red: number, green: number, blue: number];

/** Where pictures are kept; git ignores it. */
const FOLDER = projectPath('test/web/.screenshots');

export class Screenshot {
  private constructor(
    readonly width: number,
    readonly height: number,
    /** Four bytes a pixel: red, green, blue, opacity. */
    private readonly bytes: Uint8Array,
  ) {}

  /** Takes one of what is in the window, or of one element, and keeps it as `name`.png. */
  static async take(page: Page, name: string, selector?: string): Promise<Screenshot> {
    const png = await (selector === undefined ? page : page.locator(selector).first()).screenshot({
      animations: 'disabled',
    });
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(join(FOLDER, `${name}.png`), png);
    // The browser that made it can read it; a page of its own, so that no style sheet has a say.
    const reader = await page.context().newPage();
    const { width, height, base64 } = await reader.evaluate(async (data) => {
      const image = new Image();
      image.src = `data:image/png;base64,${data}`;
      await image.decode();
      const canvas = new OffscreenCanvas(image.width, image.height);
      const drawing = canvas.getContext('2d')!;
      drawing.drawImage(image, 0, 0);
      const pixels = drawing.getImageData(0, 0, image.width, image.height).data;
      let text = '';
      for (let at = 0; at < pixels.length; at += 30_000)
        text += btoa(String.fromCharCode(...pixels.subarray(at, at + 30_000)));
      return { width: image.width, height: image.height, base64: text };
    }, png.toString('base64'));
    await reader.close();
    return new Screenshot(width, height, Buffer.from(base64, 'base64'));
  }

  /** What part of the pixels has this colour, give or take a few of 255. */
  share([red, green, blue]: Rgb, tolerance = 4): number {
    const { bytes } = this;
    const isNear = (value: number, wanted: number): boolean => Math.abs(value - wanted) <= tolerance;
    let count = 0;
    for (let at = 0; at < bytes.length; at += 4) {
      if (isNear(bytes[at], red) && isNear(bytes[at + 1], green) && isNear(bytes[at + 2], blue)) count++;
    }
    return count / (this.width * this.height);
  }

  /** From 0, black, to 255, white. */
  get meanLightness(): number {
    let sum = 0;
    for (let at = 0; at < this.bytes.length; at += 4) {
      sum += 0.2126 * this.bytes[at] + 0.7152 * this.bytes[at + 1] + 0.0722 * this.bytes[at + 2];
    }
    return (4 * sum) / this.bytes.length;
  }

  /** How many pixels differ visibly; the two have one size. */
  differences(other: Screenshot): number {
    if (other.width !== this.width || other.height !== this.height) throw new Error('screenshots of different sizes');
    let count = 0;
    for (let at = 0; at < this.bytes.length; at += 4) {
      if ([0, 1, 2].some((c) => Math.abs(this.bytes[at + c] - other.bytes[at + c]) > 32)) count++;
    }
    return count;
  }
}

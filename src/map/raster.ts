/**
 * What happens to rectangles that are too small to be drawn: they merge. The picture is cut into cells of a few pixels;
 * each cell that such rectangles touch is filled with the colour of the largest, paler the less of it is used.
 *
 *     storages          cells
 *     ▏▏ ▏▏▏ ▏▏         ▓▓██▓▓        nothing vanishes, nothing is drawn twice, and the size of the
 *     ▁ ▁ ▁▁▁▁          ░░▒▒██        picture does not depend on the number of storages
 *
 * Invariant: a cell is filled if and only if a small rectangle has a part of its area; every cell is drawn at most once.
 */

/** A rectangle in pixels, `y` downwards. */
export interface PixelRect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Edge of a cell, pixels. */
export const CELL = 2;

/** Shades from pale to full. A cell of which any part is used has at least the first. */
export const SHADES = [0.5, 0.75, 1] as const;

/** Cells of one colour and shade, as path data. */
export interface MergedArea {
  readonly fill: number;
  readonly opacity: number;
  readonly path: string;
}

/** Collects small rectangles. */
export class Raster {
  readonly #columns: number;
  readonly #rows: number;
  readonly #used: Float32Array[] = [];
  readonly #area: PixelRect;

  /** @param area the part of the picture to cover; rectangles are cut to it */
  constructor(area: PixelRect) {
    this.#area = area;
    this.#columns = Math.max(1, Math.ceil(area.width / CELL));
    this.#rows = Math.max(1, Math.ceil(area.height / CELL));
  }

  /** Adds a rectangle with the colour `fill`, a small index. */
  add({ x, y, width, height }: PixelRect, fill: number): void {
    const used = (this.#used[fill] ??= new Float32Array(this.#columns * this.#rows));
    const left = Math.max(0, (x - this.#area.x) / CELL);
    const right = Math.min(this.#columns, (x + width - this.#area.x) / CELL);
    const top = Math.max(0, (y - this.#area.y) / CELL);
    const bottom = Math.min(this.#rows, (y + height - this.#area.y) / CELL);
    for (let row = Math.floor(top); row < bottom; row++) {
      const tall = Math.min(bottom, row + 1) - Math.max(top, row);
      for (let column = Math.floor(left); column < right; column++) {
        const wide = Math.min(right, column + 1) - Math.max(left, column);
        // Never zero, not even when rounded to 32 bits: a cell that is touched is filled.
        used[row * this.#columns + column] += Math.max(1e-9, wide * tall);
      }
    }
  }

  /** The filled cells, joined into rectangles as large as possible. */
  areas(): MergedArea[] {
    const classes = this.#classes();
    const paths = new Map<number, string[]>();
    for (let row = 0; row < this.#rows; row++) {
      for (let column = 0; column < this.#columns; column++) {
        const kind = classes[row * this.#columns + column];
        if (kind === 0) continue;
        const { width, height } = this.#takeRectangle(classes, row, column, kind);
        const path = paths.get(kind) ?? [];
        path.push(this.#pathOf(column, row, width, height));
        paths.set(kind, path);
      }
    }
    return [...paths].map(([kind, path]) => ({
      fill: Math.floor((kind - 1) / SHADES.length),
      opacity: SHADES[(kind - 1) % SHADES.length],
      path: path.join(''),
    }));
  }

  /** For each cell, 0 if it is empty, else one more than its colour and shade as one number. */
  #classes(): Uint8Array {
    const cells = this.#columns * this.#rows;
    const classes = new Uint8Array(cells);
    for (let cell = 0; cell < cells; cell++) {
      let total = 0;
      let most = 0;
      let fill = -1;
      this.#used.forEach((used, each) => {
        total += used[cell];
        if (used[cell] <= most) return;
        most = used[cell];
        fill = each;
      });
      if (fill === -1) continue;
      const shade = Math.min(SHADES.length - 1, Math.floor(total * SHADES.length));
      classes[cell] = 1 + fill * SHADES.length + shade;
    }
    return classes;
  }

  /** Grows a rectangle of one class to the right, then down, and clears it. */
  #takeRectangle(classes: Uint8Array, row: number, column: number, kind: number): { width: number; height: number } {
    const start = row * this.#columns + column;
    let width = 1;
    while (column + width < this.#columns && classes[start + width] === kind) width++;
    const isWhole = (from: number): boolean => {
      for (let cell = from; cell < from + width; cell++) if (classes[cell] !== kind) return false;
      return true;
    };
    let height = 1;
    while (row + height < this.#rows && isWhole(start + height * this.#columns)) height++;
    for (let r = 0; r < height; r++) classes.fill(0, start + r * this.#columns, start + r * this.#columns + width);
    return { width, height };
  }

  #pathOf(column: number, row: number, width: number, height: number): string {
    const { x, y, width: wide, height: tall } = this.#area;
    const across = Math.min(width * CELL, wide - column * CELL);
    const down = Math.min(height * CELL, tall - row * CELL);
    const round = (value: number): number => Math.round(value * 100) / 100;
    return `M${round(x + column * CELL)} ${round(y + row * CELL)}h${round(across)}v${round(down)}h${round(-across)}z`;
  }
}

/** Small rectangles merge: every cell that one touches is filled, once, and no other. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CELL, Raster } from '../../src/map/raster.js';

const AREA = { x: 10, y: 20, width: 40, height: 30 };

const rect = fc.record({
  x: fc.double({ min: 0, max: 60, noNaN: true }),
  y: fc.double({ min: 0, max: 60, noNaN: true }),
  width: fc.double({ min: 1e-6, max: 20, noNaN: true }),
  height: fc.double({ min: 1e-6, max: 3, noNaN: true }),
});

/** How often each cell is covered by the areas. */
function coverage(raster: Raster): number[] {
  const columns = AREA.width / CELL;
  const cells = new Array<number>(columns * (AREA.height / CELL)).fill(0);
  for (const { path } of raster.areas()) {
    for (const [, x, y, width, height] of path.matchAll(/M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+z/g)) {
      for (let row = 0; row < Number(height) / CELL; row++) {
        for (let column = 0; column < Number(width) / CELL; column++) {
          cells[((Number(y) - AREA.y) / CELL + row) * columns + (Number(x) - AREA.x) / CELL + column]++;
        }
      }
    }
  }
  return cells;
}

it('fills what is touched, each cell once', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(rect, fc.nat({ max: 8 })), { maxLength: 20 }), (rects) => {
      const raster = new Raster(AREA);
      for (const [each, fill] of rects) raster.add(each, fill);
      const columns = AREA.width / CELL;
      const touched = Array.from({ length: columns * (AREA.height / CELL) }, (_, cell) => {
        const left = AREA.x + (cell % columns) * CELL;
        const top = AREA.y + Math.floor(cell / columns) * CELL;
        return rects.some(([{ x, y, width, height }]) => {
          return x < left + CELL && x + width > left && y < top + CELL && y + height > top;
        });
      });
      expect(coverage(raster).map((count) => count > 0)).toEqual(touched);
      expect(Math.max(...coverage(raster))).toBeLessThanOrEqual(1);
    }),
  );
});

it('is paler the less of a cell is used, and takes the colour of the largest', () => {
  const raster = new Raster(AREA);
  raster.add({ x: 10, y: 20, width: 2, height: 2 }, 0);
  raster.add({ x: 14, y: 20, width: 1, height: 2 }, 1);
  raster.add({ x: 15, y: 20, width: 0.2, height: 2 }, 2);
  raster.add({ x: 20, y: 20, width: 0.01, height: 0.01 }, 3);
  const areas = raster.areas();
  expect(areas.map(({ fill }) => fill)).toEqual([0, 1, 3]);
  expect(areas[0].opacity).toBeGreaterThan(areas[1].opacity);
  expect(areas[1].opacity).toBeGreaterThan(areas[2].opacity);
});

/** Finding boxes by place, by name, and by what they share. */
import { describe, expect, it } from 'vitest';
import { Context, Graph, planGraph } from '../../src/index.js';
import { memoryMapOf } from '../../src/map/index.js';
import { detailsOf } from '../../src/viewer/details.js';
import { columnsOf } from '../../src/map/columns.js';
import { boxNear, chainOf, neighbour, searchBoxes } from '../../src/viewer/find-box.js';

const ctx = Context.deferred();
const x = ctx.setInput(ctx.newTensor('f32', [64], 'x'));
const a = ctx.norm(x, 1e-5);
a.name = 'normed';
const b = ctx.relu(a);
b.name = 'b';
const c = ctx.sqr(ctx.view(b, [64]));
c.name = 'c';
const map = memoryMapOf(planGraph(Graph.forward(ctx.setOutput(ctx.add(c, x)))));
const columns = columnsOf(map);
const indexOf = (name: string): number => map.boxes.findIndex((box) => box.name === name);

describe('boxes', () => {
  it('are found where they are, and near', () => {
    const reach = { steps: 1, bytes: 20 };
    map.boxes.forEach(({ start, end, offset, size }, index) => {
      expect(boxNear(columns, (start + end) / 2, offset + size / 2, reach)).toBe(index);
    });
    expect(boxNear(columns, 0.5, map.bufferSize + 10, reach)).toBe(boxNear(columns, 0.5, map.bufferSize - 1, reach));
    expect(boxNear(columns, 0.5, map.bufferSize + 30, reach)).toBe(-1);
  });

  it('are found by name, operation and view', () => {
    expect(searchBoxes(map, 'NORM')).toEqual([indexOf('normed')]);
    expect(searchBoxes(map, 'sqr')).toEqual([indexOf('c')]);
    expect(searchBoxes(map, '(view)')).toEqual([indexOf('b')]);
    expect(searchBoxes(map, ' ')).toEqual([]);
  });

  it('are walked through in the order of time, around the ends', () => {
    const seen = new Set<number>();
    let box = neighbour(columns, -1, 1);
    for (let count = 0; count < map.boxes.length; count++, box = neighbour(columns, box, 1)) seen.add(box);
    expect(seen.size).toBe(map.boxes.length);
    expect(neighbour(columns, neighbour(columns, 2, 1), -1)).toBe(2);
    expect(neighbour(columnsOf({ ...map, boxes: [] }), -1, 1)).toBe(-1);
  });

  it('know what had their bytes before and after', () => {
    expect(chainOf(map, indexOf('b')).slice(0, 2)).toEqual([indexOf('normed'), indexOf('b')]);
    expect(chainOf(map, indexOf('normed'))).toEqual(chainOf(map, indexOf('b')));
    const details = Object.fromEntries(detailsOf(map, indexOf('b')));
    expect(details).toMatchObject({ operation: 'RELU', type: 'f32', shape: '64', bytes: '256 bytes' });
    expect(details['shares with']).toBe('overwrites normed, overwritten by c, b (view) (view)');
  });
});

/** Maps of several devices: the lane of who computes, and the names of pools within the plot. */
import { describe, expect, it } from 'vitest';
import { cpuDevice, parseDevices } from '../../src/device/index.js';
import { Context, Graph, planGraph } from '../../src/index.js';
import { readGguf } from '../../src/gguf/index.js';
import { deviceAt } from '../../src/map/memory-map.js';
import { memoryMapOf, renderMap, type MapOptions, type MemoryMap } from '../../src/map/index.js';
import { measureModel } from '../../src/models/index.js';
import { detailsOf } from '../../src/viewer/details.js';
import { projectPath } from '../support/shared.js';

const gguf = await readGguf(projectPath('examples/phi-3-mini-4k.gguf'));
const devices = [...parseDevices(['cuda:8GiB', 'cuda:8GiB']), cpuDevice()];
const { plan, schedule } = measureModel(gguf, { devices, gpuLayers: 20, ctxSize: 2048 }).phases.pp;
const map = memoryMapOf(plan, schedule);

/** The names of pools that a picture shows, in order, and where. */
function poolNames(of: MemoryMap, options: MapOptions = {}): { name: string; x: number; y: number }[] {
  const found = renderMap(of, options).matchAll(
    /<text class="ta-ink ta-small ta-strong" x="([\d.]+)" y="([\d.]+)">([^<]*)</g,
  );
  return [...found].map(([, x, y, name]) => ({ name, x: Number(x), y: Number(y) }));
}

describe('a map of several devices', () => {
  it('says who computes each step, as the schedule does', () => {
    const { runs, names } = map.devices!;
    expect(names).toEqual(['CUDA0', 'CUDA1', 'CPU']);
    expect(runs[0].start).toBe(0);
    expect(runs.at(-1)!.end).toBe(map.stepCount);
    runs.slice(1).forEach(({ start, device }, index) => {
      expect(start).toBe(runs[index].end);
      expect(device).not.toBe(runs[index].device);
    });
    schedule.graph.table.nodes.forEach((node, step) => {
      expect(deviceAt(map, step)).toBe(names[schedule.deviceOf[node]]);
    });
  });

  it('draws every device in the lane and in the legend, whole and in part', () => {
    const svg = renderMap(map);
    for (const device of ['0', '1', 'host']) {
      expect(svg).toMatch(new RegExp(`<path class="ta-device-${device}" d="M[^"]+"`));
    }
    for (const name of ['CUDA0', 'CUDA1', 'CPU']) expect(svg).toContain(`computed by ${name}<`);
    const [first] = map.devices!.runs;
    const window = { steps: { from: first.start, to: first.end }, bytes: { from: 0, to: map.bufferSize } };
    const part = renderMap(map, { window });
    const drawn = [...part.matchAll(/<path class="ta-device-\w+" d="([^"]*)"/g)].filter(([, path]) => path !== '');
    expect(drawn).toHaveLength(1);
  });

  it('has a lane whose size depends on pixels, not on runs', () => {
    const count = 200_000;
    const runs = Array.from({ length: count }, (_, step) => ({ device: step % 2, start: step, end: step + 1 }));
    const many = { ...map, stepCount: count, boxes: [], devices: { names: ['GPU', 'CPU'], runs } };
    expect(renderMap(many).length).toBeLessThan(400_000);
  });

  it('names each pool within its band, no name on another', () => {
    const names = poolNames(map);
    expect(names.map(({ name }) => name)).toEqual(plan.pools!.map(({ name }) => name));
    names.slice(1).forEach(({ y }, index) => expect(y).toBeLessThanOrEqual(names[index].y - 16));
    const [lowest] = plan.pools!;
    const window = { steps: { from: 0, to: map.stepCount }, bytes: { from: 0, to: lowest.bufferSize / 2 } };
    expect(poolNames(map, { window }).map(({ name }) => name)).toEqual([lowest.name]);
  });

  it('says in its details who computes a box', () => {
    const box = map.boxes.findIndex(({ op }) => op === 'MUL_MAT');
    const expected = deviceAt(map, map.boxes[box].start);
    expect(detailsOf(map, box)).toContainEqual(['computed by', expected]);
    const leaf = map.boxes.findIndex(({ op }) => op === 'NONE');
    expect(detailsOf(map, leaf).map(([term]) => term)).not.toContain('computed by');
  });

  it('takes only the schedule whose graph was planned', () => {
    const ctx = Context.deferred();
    const other = planGraph(Graph.forward(ctx.relu(ctx.setInput(ctx.newTensor('f32', [8], 'x')))));
    expect(() => memoryMapOf(other, schedule)).toThrow(/schedule/);
    expect(memoryMapOf(other).devices).toBeUndefined();
    expect(renderMap(other)).not.toContain('"ta-device-');
  });
});

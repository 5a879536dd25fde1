/**
 * The picture of a map: well-formed, self-contained, with nothing lost and no label on another, whatever the plan.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context, createProblem, Graph, graphFromJson, parseProblemCsv, planGraph } from '../../src/index.js';
import { renderMap } from '../../src/map/index.js';
import { ALLOCATORS } from '../../src/solver/allocators.js';
import { memoryMapOf } from '../../src/map/source.js';
import { columnsOf } from '../../src/map/columns.js';
import type { MemoryMap } from '../../src/map/memory-map.js';
import type { MapWindow } from '../../src/map/scale.js';
import { liveBytesPerStep } from '../../src/problem/lower-bound.js';
import { describeShared, listGraphs, readGraph } from '../support/shared.js';
import { allElements, firstOverlap, parseXml, textRects } from '../support/svg.js';
import { tinyBuffers } from '../support/problems.js';

function mapOfBuffers(buffers: Parameters<typeof createProblem>[0], names?: readonly string[]): MemoryMap {
  const problem = createProblem(buffers);
  const placement = ALLOCATORS['greedy-by-size'].place(problem, { maxChunkSize: Infinity });
  return memoryMapOf({ ...problem, names: names ?? problem.names }, placement);
}

function chain(length: number): Graph {
  const ctx = Context.deferred();
  let x = ctx.setInput(ctx.newTensor('f32', [1000], 'x'));
  for (let i = 0; i < length; i++) x = i % 3 === 1 ? ctx.concat(x, x, 0) : ctx.norm(x, 1e-5);
  return Graph.forward(ctx.reshape(x, [x.ne[0]]));
}

/** The map with its steps called by other numbers, `factor` apart. */
function withSteps(map: MemoryMap, factor: number): MemoryMap {
  return { ...map, steps: Array.from({ length: map.stepCount + 1 }, (_, step) => step * factor - 7) };
}

const arbitraryMap = fc
  .tuple(
    tinyBuffers({ maxCount: 12, maxSize: 2 ** 40, maxStep: 4000, gaps: 'window' }),
    fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { minLength: 12, maxLength: 12 }),
    fc.constantFrom(0, 3, 1_000_001, 2 ** 38 + 1),
  )
  .map(([buffers, names, factor]) => {
    const map = mapOfBuffers(buffers, names);
    return factor === 0 ? map : withSteps(map, factor);
  });

describe('memoryMapOf', () => {
  it('shows hand-overs as one bar: the reuser starts where the reused ends, at the same offset', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [64], 'x'));
    const a = ctx.norm(x, 1e-5);
    const map = memoryMapOf(planGraph(Graph.forward(ctx.setOutput(ctx.relu(a)))));
    const allReused = map.boxes.filter(({ reusedBy }) => reusedBy !== -1);
    expect(allReused.length).toBeGreaterThan(0);
    for (const reused of allReused) {
      const reuser = map.boxes[reused.reusedBy];
      expect(reuser.start).toBe(reused.end);
      expect(reuser.offset).toBe(reused.offset);
      expect(map.boxes[reuser.reuses]).toBe(reused);
    }
  });

  it('lists views with their bytes and their life', () => {
    const ctx = Context.deferred();
    const a = ctx.norm(ctx.setInput(ctx.newTensor('f32', [8, 4], 'x')), 1e-5);
    const row = ctx.view(a, [8], [], 64);
    const y = ctx.setOutput(ctx.relu(row));
    const graph = Graph.forward(y);
    const map = memoryMapOf(planGraph(graph, { reuse: 'off' }));
    const box = map.boxes.find(({ name }) => name === a.name)!;
    const step = graph.nodes.indexOf(row);
    expect(box.views).toEqual([
      { name: row.name, op: 'VIEW', offset: 64, size: 32, start: step, end: graph.nodes.indexOf(y) + 1 },
    ]);
  });

  it('adds up to the live load of the problem', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 8 }), (buffers) => {
        const load = columnsOf(mapOfBuffers(buffers)).load;
        const expected = buffers.length === 0 ? [0] : [...liveBytesPerStep(createProblem(buffers))];
        expect([...load]).toEqual(expected);
      }),
    );
  });
});

describeShared('maps of real graphs', () => {
  it.each(listGraphs().filter((_, index) => index % 6 === 0))('%s: loads, boxes and labels', (name) => {
    const plan = planGraph(graphFromJson(readGraph(name)), { allocator: 'ggml' });
    const map = memoryMapOf(plan);
    expect(Math.max(...columnsOf(map).load)).toBe(plan.lowerBound);
    expect(overlapping(map)).toEqual([]);
    const svg = renderMap(map, { title: name });
    expect(firstOverlap(textRects(parseXml(svg)))).toBeNull();
    // Neither thousands of storages nor of views make a file that is slow to open.
    expect(svg.length).toBeLessThan(600_000);
  });
});

/** Pairs of boxes that share bytes at one time, by name. */
function overlapping({ boxes }: MemoryMap): string[] {
  const sorted = [...boxes].sort((a, b) => a.start - b.start);
  return sorted.flatMap((a, index) => {
    const hits: string[] = [];
    for (let next = index + 1; next < sorted.length && sorted[next].start < a.end; next++) {
      const b = sorted[next];
      const shares = a.chunk === b.chunk && a.offset < b.offset + b.size && b.offset < a.offset + a.size;
      if (shares) hits.push(`${a.name} and ${b.name}`);
    }
    return hits;
  });
}

describe('renderMap', () => {
  it('is well-formed and refers to nothing outside, whatever names and numbers', () => {
    fc.assert(
      fc.property(arbitraryMap, fc.constantFrom('family' as const, 'size' as const), (map, colors) => {
        const svg = renderMap(map, { colors, title: map.boxes[0]?.name });
        const elements = allElements(parseXml(svg));
        expect(elements[0].attributes.xmlns).toBe('http://www.w3.org/2000/svg');
        expect(elements.some(({ name }) => name === 'script' || name === 'image' || name === 'use')).toBe(false);
        expect(svg).not.toMatch(/NaN|Infinity|undefined|href|url\((?!#ta-)/);
      }),
    );
  });

  it('never puts a label on another, at any size and in any window', () => {
    const part = fc.tuple(fc.double({ min: 0, max: 0.9, noNaN: true }), fc.double({ min: 0.001, max: 1, noNaN: true }));
    fc.assert(
      fc.property(
        arbitraryMap,
        fc.record({ width: fc.integer({ min: 240, max: 2000 }), height: fc.integer({ min: 240, max: 1400 }) }),
        fc.record({ steps: part, bytes: part }),
        (map, size, parts) => {
          const range = (whole: number, [from, span]: [number, number]): { from: number; to: number } => ({
            from: from * whole,
            to: Math.max(from * whole + 1, Math.min(1, from + span) * whole),
          });
          const window = {
            steps: range(map.stepCount, parts.steps),
            bytes: range(Math.max(16, map.bufferSize), parts.bytes),
          };
          expect(firstOverlap(textRects(parseXml(renderMap(map, { ...size, window }))))).toBeNull();
        },
      ),
    );
  });

  it('names every storage of a small graph, and gives its facts', () => {
    const plan = planGraph(chain(6), { reuse: 'off' });
    const svg = renderMap(plan);
    const names = textRects(parseXml(svg)).map(({ label }) => label);
    for (const { name } of memoryMapOf(plan).boxes) expect(names).toContain(name);
    expect(svg).toContain('<title>x\nleaf · f32 [1000]');
  });

  it('marks the peak step and both lines, and says when they are one', () => {
    const optimal = textRects(parseXml(renderMap(mapOfBuffers([{ size: 4, start: 0, end: 2 }]))));
    expect(optimal.map(({ label }) => label)).toContain('peak = bound');
    expect(renderMap(mapOfBuffers([{ size: 4, start: 0, end: 2 }]))).toContain('<path class="ta-bound"');
    const map = { ...mapOfBuffers([{ size: 4, start: 0, end: 2 }]), bufferSize: 8, chunks: [8] };
    const labels = textRects(parseXml(renderMap(map))).map(({ label }) => label);
    expect(labels).toEqual(expect.arrayContaining(['peak', 'lower bound', 'peak step 0', '8 B', '4 B']));
  });

  it('calls the steps what a CSV file calls them', () => {
    const csv = parseProblemCsv('id,lower,upper,size\na,1000,5000,8\nb,3000,9000,8\nc,9000,9001,4\n');
    const map = memoryMapOf(csv, ALLOCATORS.auto.place(csv.problem), 'auto');
    expect(map.boxes.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    const svg = renderMap(map);
    const labels = textRects(parseXml(svg)).map(({ label }) => label);
    expect(labels).toEqual(expect.arrayContaining(['1,000', '3,000', '5,000', '9,000', '9,001', 'peak step 3,000']));
    expect(svg).toContain('steps 3,000 to 8,999');
    const plain = parseProblemCsv('id,lower,upper,size\na,0,1,8\nb,1,2,8\n');
    expect(memoryMapOf(plain, ALLOCATORS.auto.place(plain.problem)).steps).toBe(undefined);
  });

  it('gives as many facts as there is room for, whole', () => {
    const map = memoryMapOf(planGraph(chain(6)));
    const [, all] = textRects(parseXml(renderMap(map))).map(({ label }) => label);
    for (let width = 240; width < 900; width += 20) {
      const [, line] = textRects(parseXml(renderMap(map, { width }))).map(({ label }) => label);
      const facts = all.split(' · ');
      expect(line).toBe(facts.slice(0, line.split(' · ').length).join(' · '));
    }
  });

  it('labels the lines in the legend where there is no room beside them', () => {
    const map = { ...mapOfBuffers([{ size: 4, start: 0, end: 2 }]), bufferSize: 8, chunks: [8] };
    const labels = textRects(parseXml(renderMap(map, { width: 400 }))).map(({ label }) => label);
    expect(labels).toEqual(expect.arrayContaining(['peak 8 B', 'lower bound 4 B', 'peak step 0']));
    expect(labels).not.toContain('peak');
  });

  it('fits a picture of 240 pixels, and stays at that below', () => {
    const map = memoryMapOf(planGraph(chain(6)));
    const [picture] = allElements(parseXml(renderMap(map, { width: 240, height: 300 })));
    expect(picture.attributes.viewBox).toBe('0 0 240 300');
    const frame = allElements(picture).find((each) => each.attributes.class === 'ta-frame')!;
    expect(Number(frame.attributes.x) + Number(frame.attributes.width)).toBeLessThan(240);
    expect(allElements(parseXml(renderMap(map, { width: -5 })))[0].attributes.width).toBe('240');
  });

  it('explains merged rectangles where there are some, whatever part is shown', () => {
    const legend = (map: MemoryMap, window?: MapWindow): boolean =>
      textRects(parseXml(renderMap(map, { window }))).some(({ label }) => label.startsWith('merged'));
    expect(legend(memoryMapOf(planGraph(chain(6))))).toBe(false);
    const crowded = mapOfBuffers(Array.from({ length: 3000 }, (_, start) => ({ size: 4, start, end: start + 1 })));
    expect(legend(crowded)).toBe(true);
    expect(legend(crowded, { steps: { from: 0, to: 10 }, bytes: { from: 0, to: crowded.bufferSize } })).toBe(true);
  });

  it('never says that a plan is as good as its bound when it is not', () => {
    const map = {
      ...mapOfBuffers([{ size: 2 ** 30, start: 0, end: 2 }]),
      bufferSize: 2 ** 30 + 1,
      chunks: [2 ** 30 + 1],
    };
    expect(renderMap(map)).toContain('0.01 % above the lower bound');
  });

  it('shows the bound that a search has proven, where it is above the live load', () => {
    const { problem } = parseProblemCsv('id,lower,upper,size,offset\na,0,2,10,100\nb,0,2,10,\nc,1,3,20,\n');
    const map = memoryMapOf(problem, ALLOCATORS.auto.place(problem));
    expect(map.lowerBound).toBe(110);
    expect(renderMap(map)).toContain('no smaller one is possible with these fixed offsets');
  });

  it('counts a buffer with gaps once', () => {
    const { problem } = parseProblemCsv('id,lower,upper,size,gaps\na,0,9,10,2-4\nb,0,9,10,5-6 7-8\n');
    const map = memoryMapOf(problem, ALLOCATORS.auto.place(problem));
    expect(map.boxes).toHaveLength(5);
    expect(renderMap(map)).toContain('2 storages');
  });

  it('stacks chunks and draws the line between them', () => {
    const plan = planGraph(chain(6), { maxChunkSize: 20_000 });
    expect(plan.chunks.length).toBeGreaterThan(1);
    const edges = allElements(parseXml(renderMap(plan))).find((each) => each.attributes.class === 'ta-chunk')!;
    expect(edges.attributes.d.match(/M/g)).toHaveLength(plan.chunks.length - 1);
  });

  it('draws an empty plan', () => {
    const plan = planGraph(Graph.forward([]));
    expect(() => parseXml(renderMap(plan))).not.toThrow();
  });

  it('follows the reader’s system, or is light or dark', () => {
    const map = mapOfBuffers([{ size: 4, start: 0, end: 2 }]);
    expect(renderMap(map)).toContain('prefers-color-scheme:dark');
    for (const theme of ['light', 'dark'] as const) expect(renderMap(map, { theme })).not.toContain('@media');
    expect(renderMap(map, { theme: 'light' })).toContain('.ta-surface{fill:#ffffff}');
    expect(renderMap(map, { theme: 'dark' })).not.toContain('.ta-surface{fill:#ffffff}');
  });
});

describe('colours', () => {
  it.each(['light', 'dark'] as const)('%s: every fill stands out, and names can be read on it', (theme) => {
    for (const colors of ['family', 'size'] as const) {
      const svg = renderMap(mapOfBuffers([{ size: 4, start: 0, end: 2 }]), { theme, colors });
      const ink = /\.ta-ink,\.ta-name\{fill:(#\w{6})\}/.exec(svg)![1];
      const surface = /\.ta-surface\{fill:(#\w{6})\}/.exec(svg)![1];
      const fills = [...svg.matchAll(/\.ta-[\w-]+\{fill:(#\w{6})\}\.ta-[\w-]+\.ta-name\{stroke/g)].map(
        ([, fill]) => fill,
      );
      expect(fills.length).toBeGreaterThanOrEqual(6);
      for (const fill of fills) {
        expect(contrast(ink, fill), `${fill} ${ink}`).toBeGreaterThanOrEqual(4.5);
        expect(contrast(fill, surface), `${fill} ${surface}`).toBeGreaterThan(1.4);
      }
    }
  });
});

/** The contrast of two colours, as WCAG 2 defines it. */
function contrast(a: string, b: string): number {
  const luminance = (color: string): number => {
    const [red, green, blue] = [1, 3, 5].map((at) => {
      const part = parseInt(color.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

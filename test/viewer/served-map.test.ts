/** A map that stays in a worker answers as one that is on the page. */
import { afterEach, describe, expect, it } from 'vitest';
import { Context, Graph, planGraph } from '../../src/index.js';
import { memoryMapOf, renderMap } from '../../src/map/index.js';
import { localSource, type BoxQuestion } from '../../src/viewer/map-source.js';
import { Newest } from '../../src/viewer/newest.js';
import { openMap, serveMap, type OpenedMap } from '../../src/viewer/served-map.js';

function chain(): Graph {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [64], 'x'));
  let y = x;
  for (let i = 0; i < 9; i++) y = i % 2 === 0 ? ctx.relu(ctx.norm(y, 1e-5)) : ctx.add(y, x);
  return Graph.forward(ctx.setOutput(y));
}

const map = memoryMapOf(planGraph(chain()));
const opened: OpenedMap[] = [];

function served(): OpenedMap {
  const { port, facts } = serveMap(map);
  opened.push(openMap(structuredClone({ port, facts }, { transfer: [port] })));
  return opened.at(-1)!;
}

afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

describe('a served map', () => {
  const local = localSource(map);

  it('draws the same picture, and says where its plot is', async () => {
    const source = served();
    expect(source.facts).toEqual(local.facts);
    const options = { title: 'chain', width: 700, height: 400, colors: 'size' as const };
    const drawing = await source.draw(options);
    expect(drawing).toEqual(await local.draw(options));
    expect(drawing.svg).toBe(renderMap(map, options));
    const { x, y, width, height } = drawing.plot;
    expect(drawing.svg).toContain(`class="ta-frame" x="${x}" y="${y}" width="${width}" height="${height}"`);
  });

  it.each<[string, BoxQuestion]>([
    ['an index', { index: 3 }],
    ['no index', { index: -1 }],
    ['an index too high', { index: 99 }],
    ['a place', { step: 0.5, bytes: 10, reach: { steps: 1, bytes: 1 } }],
    ['a free place', { step: 0.5, bytes: 1e9, reach: { steps: 1, bytes: 1 } }],
    ['the first', { beside: -1, by: 1 }],
    ['the next', { beside: 2, by: 1 }],
    ['a name', { name: 'x', start: 0 }],
    ['an unknown name', { name: 'x', start: 1 }],
  ])('finds by %s', async (_, question) => {
    const found = await served().find(question);
    expect(found).toEqual(await local.find(question));
    if (found !== null) {
      const { name, start, end, offset, size } = map.boxes[found.index];
      const area = { steps: { from: start, to: end }, bytes: { from: offset, to: offset + size } };
      expect(found).toMatchObject({ name, size, area });
    }
  });

  it('answers in order, each question once', async () => {
    const source = served();
    const answers = await Promise.all([
      source.search('x', 5),
      source.find({ index: 1 }),
      source.search('relu', 3),
      source.find({ index: 2 }),
    ]);
    expect(answers[0]).toEqual(await local.search('x', 5));
    expect(answers[1]?.index).toBe(1);
    expect(answers[2].boxes).toHaveLength(3);
    expect(answers[2].total).toBeGreaterThan(3);
    expect(answers[3]?.index).toBe(2);
  });

  it('answers no more once it is closed', async () => {
    const source = served();
    const pending = source.find({ index: 1 });
    source.close();
    const answer = await Promise.race([pending, new Promise((resolve) => setTimeout(() => resolve('none'), 50))]);
    expect(answer).toBe('none');
  });
});

describe('the newest wish', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

  it('waits alone while another is done', async () => {
    const newest = new Newest<string>();
    let wish = 0;
    const done: number[] = [];
    const task = async (): Promise<void> => {
      const seen = wish;
      await turn();
      done.push(seen);
    };
    for (wish = 1; wish < 4; wish++) newest.ask('map', task);
    await expect.poll(() => done).toEqual([1, 4]);
    wish = 9;
    newest.ask('map', task);
    await expect.poll(() => done).toEqual([1, 4, 9]);
  });

  it('is not held up by a map that answers no more', async () => {
    const newest = new Newest<string>();
    const done: string[] = [];
    newest.ask('closed', () => new Promise(() => undefined));
    newest.ask('open', (owner) => turn().then(() => void done.push(owner)));
    await expect.poll(() => done).toEqual(['open']);
  });
});

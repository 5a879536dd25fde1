/** What a reader brings to the web page: models in parts, of unknown architecture, and files that mean harm. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { Context, Graph, graphFromJson, graphToJson, planGraph } from '../../src/index.js';
import { measureModel, measureWeights } from '../../src/models/index.js';
import { readGguf } from '../../src/gguf/index.js';
import { describeBrowser } from '../support/browser.js';
import { metadataOf, writeGguf, type WrittenTensor } from '../support/gguf-writer.js';
import { projectPath } from '../support/shared.js';
import { digits, fileOf, WebPage } from '../support/web-page.js';

const MODEL = projectPath('examples/phi-3-mini-4k.gguf');
const GRAPH = projectPath('examples/attention.json');
const HARMFUL = [
  '<img src=x onerror=alert(1)>',
  '</title></svg><script>alert(1)</script>',
  '"><b onmouseover=alert(1)>x',
  '__proto__',
  'constructor',
  '&amp;<!--',
  '\u202Eevil\u0000',
];

/** A header with the tensors of a model, and with what else it says. */
function header(tensors: readonly WrittenTensor[], values: Record<string, string | number>): Uint8Array {
  return writeGguf({ metadata: metadataOf(values), tensors });
}

describeBrowser('files on the web page', () => {
  const web = new WebPage();

  it('a model of unknown architecture: its weights exactly, and that the rest is unknown', async () => {
    const tensors = HARMFUL.map((name): WrittenTensor => ({ name, type: 'q4_0', ne: [4096, 1024] }));
    const bytes = header(tensors, { 'general.architecture': 'hal<b>9000' });
    const weights = measureWeights(await readGguf(bytes));
    await web.choose(fileOf('hal.gguf', bytes));
    await web.page.locator('#verdict').getByText('It may fit').waitFor();
    expect(await web.bytes()).toEqual([digits(weights), '', '', '']);
    expect(await web.page.locator('#sizes td:nth-child(2)').allInnerTexts()).toEqual([
      '15.75 MiB',
      ...['unknown', 'unknown', 'unknown'],
    ]);
    expect(await web.page.locator('#facts').innerText()).toContain('The architecture “hal<b>9000” is unknown');
    expect(await web.page.locator('#bar').getAttribute('aria-label')).toContain('KV cache unknown');
    expect(await web.page.locator('#map-card').isHidden()).toBe(true);
    expect(await web.page.locator('#context').isHidden()).toBe(true);
    await web.page.locator('#memory-unit').selectOption('MiB');
    await web.page.locator('#verdict.no').getByText('It does not fit: the weights alone need 15.75 MiB').waitFor();
    await web.page.locator('#example').selectOption('phi-3-mini-4k.gguf');
    await web.page.locator('.tav-picture svg').waitFor();
    expect(await web.page.locator('#context').isVisible()).toBe(true);
    expect(web.problems).toEqual([]);
  });

  it('a model in several files, in any order, as one', async () => {
    const whole = await readGguf(MODEL);
    const count = 3;
    const parts = Array.from({ length: count }, (_, part) => {
      const tensors = whole.tensors.filter((_, index) => Math.floor((index * count) / whole.tensors.length) === part);
      const written = tensors.map(({ name, type, ne }): WrittenTensor => ({ name, type: type.name, ne }));
      const own = Object.entries(whole.metadata).filter(
        (entry): entry is [string, string | number] => part === 0 && /^(string|number)$/.test(typeof entry[1]),
      );
      const values = { ...Object.fromEntries(own), 'split.no': part, 'split.count': count };
      return fileOf(`phi-3-0000${part + 1}-of-00003.gguf`, header(written, values));
    });
    await web.choose([parts[2], parts[0], parts[1]]);
    const { weights, context, compute, total } = measureModel(whole);
    expect(await web.bytes()).toEqual([weights, context, compute, total].map(digits));
    expect(await web.page.locator('.tav-picture svg').getAttribute('aria-label')).toContain(
      'phi-3-00001-of-00003.gguf',
    );
    await web.page.waitForFunction(() => location.hash.startsWith('#file=phi-3-00001-of-00003.gguf&'));
    await web.choose(parts[0]);
    await web.page
      .locator('#file-error')
      .getByText('phi-3-00001-of-00003.gguf is one part of a model: choose or drop all')
      .waitFor();
    await web.choose([parts[0], parts[1]]);
    await web.page.locator('#file-error').getByText('These are not the parts of one model').waitFor();
    await web.choose([parts[0], fileOf('problem.csv', 'id,lower,upper,size\n')]);
    await web.page.locator('#file-error').getByText('Choose one file at a time').waitFor();
    expect(web.problems).toEqual([]);
  });

  it('names that are markup are shown as they are, wherever they occur', async () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [64, 64], 'x'));
    const nodes = HARMFUL.map((name) => Object.assign(ctx.mulMat(x, x), { name }));
    const sum = nodes.reduce((a, b) => Object.assign(ctx.add(a, b), { name: `${a.name}+` }));
    const graph = Graph.forward(ctx.setOutput(ctx.reshape(sum, [64 * 64])));
    await web.choose(fileOf(`${HARMFUL[0]}.json`, JSON.stringify(graphToJson(graph))));
    expect(await web.bytes()).toEqual([digits(planGraph(graph).bufferSize)]);
    const names = await web.page.locator('.tav-picture text.ta-name').allTextContents();
    expect(names).toContain('__proto__');
    await web.page.fill('.tav-search input', '<img');
    await web.page.locator('.tav-hits button', { hasText: '<img src=x onerror=alert(1)>' }).first().click();
    expect(await web.page.locator('.tav-details .tav-name').innerText()).toContain('<img src=x');
    // The picture is on its way to what was found: the pointer follows until it is there.
    await expect
      .poll(async () => {
        const box = await web.page.locator('.tav-marks .ta-select').last().boundingBox();
        if (box === null) return '';
        await web.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
        return web.page.locator('.tav-tip').innerText();
      })
      .toContain('<img src=x');
    expect(await web.page.locator('main img, main script, main b, .tav-picture script').count()).toBe(0);

    const ids = HARMFUL.map((name) => name.replaceAll('"', '').replaceAll('\0', ''));
    const rows = ids.map((id, index) => `${id},${index},${index + 2},${index + 64}`);
    await web.choose(fileOf('ids.csv', `id,lower,upper,size\n${rows.join('\n')}\n`));
    await web.page.locator('.tav-picture text.ta-name', { hasText: 'constructor' }).waitFor();
    const download = web.page.waitForEvent('download');
    await web.page.getByRole('button', { name: 'CSV', exact: true }).click();
    const saved = readFileSync(await (await download).path(), 'utf8');
    for (const id of ids) expect(saved).toContain(`\n${id},`);
    expect(web.problems).toEqual([]);
  });

  it('graphs and problems that are packed, as the command takes them', async () => {
    const graph = readFileSync(GRAPH);
    await web.choose(fileOf('block.json.gz', gzipSync(graph)));
    const plan = planGraph(graphFromJson(JSON.parse(graph.toString())));
    expect(await web.bytes()).toEqual([digits(plan.bufferSize)]);
    await web.choose(fileOf('two.CSV.GZ', gzipSync('id,lower,upper,size\na,0,2,5\nb,1,3,4\n')));
    expect(await web.bytes()).toEqual(['9']);
    await web.choose(fileOf('not.json.gz', '{}'));
    expect(await web.fileError()).toContain('not.json.gz cannot be unpacked');
    await web.choose(fileOf('cut.json.gz', gzipSync(graph).subarray(0, 300)));
    expect(await web.fileError()).toContain('cut.json.gz cannot be unpacked');
    await web.choose(fileOf('bomb.csv.gz', gzipSync(Buffer.alloc(257 * 2 ** 20))));
    await web.page.locator('#file-error', { hasText: 'bomb.csv.gz is larger than 256 MiB, unpacked' }).waitFor();
    expect(web.problems).toEqual([]);
  });

  it('documents that reach for prototypes, and sizes beyond all bounds, are refused in words', async () => {
    for (const [name, content, message] of [
      ['proto.json', '{"__proto__":{"format":"tensor-graph"},"tensors":[]}', 'proto.json: '],
      ['deep.json', '['.repeat(50_000), 'deep.json is not valid JSON'],
      ['huge.csv', 'id,lower,upper,size\na,0,1,9007199254740991\nb,0,1,9007199254740991\n', 'row 3, column "size"'],
      ['far.csv', 'id,lower,upper,size,offset\na,0,5,10,0\nb,2,6,10,5\n', 'the fixed offset of buffer b'],
    ] as const) {
      await web.choose(fileOf(name, content));
      await web.page.locator('#file-error', { hasText: message }).waitFor();
    }
    const far = { name: 'w', type: 'f32' as const, ne: [2 ** 40, 2 ** 10] };
    await web.choose(fileOf('far.gguf', header([far], { 'general.architecture': 'llama' })));
    await web.page.locator('#file-error').getByText('far.gguf').waitFor();
    await web.choose(MODEL);
    await web.page.locator('#file-error').waitFor({ state: 'hidden' });
    expect(web.problems).toEqual([]);
  });

  it('are read without a network', async () => {
    await web.page.locator('.tav-picture svg').waitFor();
    await web.context.setOffline(true);
    try {
      await web.choose(GRAPH);
      expect(await web.bytes()).toEqual([
        digits(planGraph(graphFromJson(JSON.parse(readFileSync(GRAPH, 'utf8')))).bufferSize),
      ]);
      await web.choose(MODEL);
      await web.page.locator('#context').fill('512');
      const { weights, context, compute, total } = measureModel(await readGguf(MODEL), { ctxSize: 512 });
      await expect.poll(() => web.bytes(), { timeout: 90_000 }).toEqual([weights, context, compute, total].map(digits));
    } finally {
      await web.context.setOffline(false);
    }
    expect(web.problems).toEqual([]);
  });
});

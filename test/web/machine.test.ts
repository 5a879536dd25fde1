/** A machine on the web page: every number is the library's, and what a reader moves is what is planned. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { cpuDevice, parseDevices } from '../../src/device/index.js';
import { readGguf } from '../../src/gguf/index.js';
import { memoryMapOf, renderMap } from '../../src/map/index.js';
import { fitModel, measureModel, type MachineMeasurement, type MachineOptions } from '../../src/models/index.js';
import { describeBrowser } from '../support/browser.js';
import { projectPath } from '../support/shared.js';
import { digits, WebPage } from '../support/web-page.js';

const PHI = 'examples/phi-3-mini-4k.gguf';
const MIXTRAL = 'examples/mixtral-8x7b.gguf';
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const GIB = 2 ** 30;
const PATIENCE = { timeout: 90_000 };

const link = (example: string, machine: string, more = ''): string =>
  `#example=${example}&machine=${encodeURIComponent(machine)}${more}`;

async function measure(file: string, machine: string, options: Partial<MachineOptions>): Promise<MachineMeasurement> {
  const isApple = machine.startsWith('metal');
  const devices = [...parseDevices(machine.split(' ')), cpuDevice({ features: isApple ? 'i8mm' : 'avx2' })];
  return measureModel(await readGguf(projectPath(file)), { devices, ...options });
}

/** The column of exact bytes: a row a buffer, and the total. */
const bytesOf = ({ buffers, total }: MachineMeasurement): string[] =>
  [...buffers.map(({ bytes }) => bytes), total].map(digits);

describeBrowser('a machine on the web page', () => {
  const web = new WebPage();
  const states = (on: Page = web.page): Promise<string[]> => on.locator('.device .state').allInnerTexts();
  const expectBytes = (machine: MachineMeasurement): Promise<void> =>
    expect.poll(() => web.bytes(), PATIENCE).toEqual(bytesOf(machine));

  it('is chosen from a list, with as many layers as fit, and left again', async () => {
    const onCpu = await web.bytes();
    await web.page.locator('#machine').selectOption({ label: 'RTX 3060, 12 GB' });
    const gguf = await readGguf(projectPath(PHI));
    const devices = [...parseDevices(['cuda:12GiB:8.6']), cpuDevice({ features: 'avx2' })];
    const [best] = fitModel(gguf, devices, { ubatchSize: 512, cacheTypeK: 'f16', cacheTypeV: 'f16' }).points;
    await expectBytes(measureModel(gguf, best.options));
    expect(await web.page.locator('#verdict').innerText()).toContain('It fits with 4,096 tokens of context, all 33');
    expect(await states()).toEqual([expect.stringContaining('fits: '), expect.stringContaining('fits: ')]);
    expect(await web.page.locator('#layers-note').innerText()).toBe('as many as fit');
    expect(await web.page.locator('#machine-note').innerText()).toContain('Nominal memory');
    await web.page.locator('#machine').selectOption({ label: 'CPU only' });
    await expect.poll(() => web.bytes(), PATIENCE).toEqual(onCpu);
    expect(await web.page.locator('#devices').isHidden()).toBe(true);
    expect(await web.page.locator('#offload').isHidden()).toBe(true);
    expect(web.problems).toEqual([]);
  });

  it('follows the slider of layers, whose moves keep the context and leave the map to later', async () => {
    await web.openLink(link('phi-3-mini-4k.gguf', 'cuda:12GiB:8.6'));
    await web.page.locator('#layers').focus();
    for (let i = 0; i < 13; i++) await web.page.keyboard.press('ArrowLeft');
    expect(await web.page.locator('#layers-value').innerText()).toBe('20 of 33');
    const machine = await measure(PHI, 'cuda:12GiB:8.6', { gpuLayers: 20, ctxSize: 4096 });
    await expectBytes(machine);
    const facts = await web.page.locator('#facts').innerText();
    expect(facts).toContain(`prompt ${digits(machine.nodes.pp)} nodes in ${machine.splits.pp} splits`);
    expect(await web.page.locator('#context').inputValue()).toBe('4096');
    const command = await web.page.locator('#command-text').innerText();
    expect(command).toBe('llama-server -m phi-3-mini-4k.gguf -c 4096 -np 4 -kvu -ngl 20 -fit off');
    await web.page.locator('#map:not(.old) .ta-device-0').first().waitFor({ state: 'attached' });
    await web.page.getByRole('button', { name: 'As many as fit' }).click();
    await expectBytes(await measure(PHI, 'cuda:12GiB:8.6', { gpuLayers: 33, ctxSize: 4096 }));
  });

  it('shows the borders between host and cards, to drag and to move by key', async () => {
    const cards = 'cuda:24GiB:8.6 cuda:24GiB:8.6';
    await web.openLink(link('phi-3-mini-4k.gguf', cards, '&context=2048&layers=30&split=10,20'));
    const counts = (): Promise<string[]> => web.page.locator('.layer-bar .layers').allInnerTexts();
    await expect.poll(counts, PATIENCE).toEqual(['Host 3', 'CUDA0 10', 'CUDA1 20']);
    const between = web.page.getByRole('slider', { name: /CUDA0 and CUDA1/ });
    await between.focus();
    await web.page.keyboard.press('ArrowLeft');
    await web.page.keyboard.press('PageDown');
    expect(await counts()).toEqual(['Host 3', 'CUDA0 4', 'CUDA1 26']);
    await expectBytes(await measure(PHI, cards, { gpuLayers: 30, tensorSplit: [4, 26], ctxSize: 2048 }));
    await web.page.keyboard.press('Home');
    expect(await counts()).toEqual(['Host 3', '', 'CUDA1 30']);
    await expectBytes(await measure(PHI, cards, { gpuLayers: 30, tensorSplit: [0, 30], ctxSize: 2048 }));
    // Two borders are at one place now: the pointer's way tells which one it takes.
    const bar = (await web.page.locator('#layer-bar').boundingBox())!;
    const drag = async (from: number, to: number): Promise<void> => {
      const at = (layer: number): number => bar.x + (bar.width * layer) / 33;
      await web.page.mouse.move(at(from), bar.y + bar.height / 2);
      await web.page.mouse.down();
      await web.page.mouse.move(at(to), bar.y + bar.height / 2, { steps: 4 });
      await web.page.mouse.up();
    };
    await drag(3, 9);
    expect(await counts()).toEqual(['Host 3', 'CUDA0 6', 'CUDA1 24']);
    await expectBytes(await measure(PHI, cards, { gpuLayers: 30, tensorSplit: [6, 24], ctxSize: 2048 }));
    await drag(3, 1);
    expect(await counts()).toEqual(['Host 1', 'CUDA0 8', 'CUDA1 24']);
    await expectBytes(await measure(PHI, cards, { gpuLayers: 32, tensorSplit: [8, 24], ctxSize: 2048 }));
    await drag(1, 33);
    expect(await counts()).toEqual(['Host 9', '', 'CUDA1 24']);
    expect(web.problems).toEqual([]);
  });

  it('keeps experts on the host, the cache with its layers or not, and one card or all', async () => {
    const cards = 'cuda:24GiB:8.9 cuda:12GiB:8.6';
    await web.openLink(link('mixtral-8x7b.gguf', cards, '&context=4096&layers=33'));
    await web.page.locator('#host-experts').focus();
    for (let i = 0; i < 3; i++) await web.page.keyboard.press('ArrowRight');
    expect(await web.page.locator('#host-experts-value').innerText()).toBe('of 3 layers');
    const options = { gpuLayers: 33, nCpuMoe: 3, ctxSize: 4096 };
    await expectBytes(await measure(MIXTRAL, cards, options));
    await web.page.getByLabel('Cache on the GPUs of its layers').uncheck();
    await expectBytes(await measure(MIXTRAL, cards, { ...options, kvOffload: false }));
    await web.page.locator('#cards').selectOption('1');
    await expectBytes(await measure(MIXTRAL, cards, { ...options, kvOffload: false, splitMode: 'none', mainGpu: 1 }));
    expect(await web.page.locator('.device').count()).toBe(3);
    expect(await web.page.locator('#command-text').innerText()).toContain('-sm none -mg 1 -ncmoe 3 -nkvo');
    await web.openLink(link('phi-3-mini-4k.gguf', cards));
    expect(await web.page.locator('#experts-row').isHidden()).toBe(true);
  });

  it('says by how much a card is too small, and what each part takes to the byte', async () => {
    const machine = await measure(PHI, 'cuda:2GiB:7.5', { gpuLayers: 33, ctxSize: 4096 });
    const [gpu] = machine.devices;
    await web.openLink(link('phi-3-mini-4k.gguf', 'cuda:2GiB:7.5', '&layers=33&context=4096'));
    const excess = `${((gpu.total - 2 * GIB) / GIB).toFixed(2)} GiB too much`;
    expect(await states()).toEqual([`does not fit: ${excess}`, expect.stringContaining('fits: ')]);
    expect(await web.page.locator('#verdict').innerText()).toContain(`CUDA0 has ${excess}`);
    await web.page.locator('.device .part.weights').first().hover();
    expect(await web.page.locator('#device-tip').innerText()).toContain(`${digits(gpu.weights)} bytes`);
    await web.page.locator('.device .part.compute').first().focus();
    expect(await web.page.locator('#device-tip').innerText()).toContain(`${digits(gpu.compute)} bytes`);
    await web.page.locator('#layers').focus();
    await web.page.keyboard.press('Home');
    await web.page.locator('#verdict').getByText('It fits with 4,096 tokens of context, 0 of 33').waitFor();
  });

  it('calls a card tight that would not keep free what it should', async () => {
    const [gpu] = (await measure(PHI, 'cuda:24GiB', { gpuLayers: 33, ctxSize: 4096 })).devices;
    const machine = `cuda:24GiB/${gpu.total + 2 ** 20}`;
    await web.openLink(link('phi-3-mini-4k.gguf', machine, '&layers=33&context=4096'));
    expect((await states())[0]).toBe('tight: 1.00 MiB left');
    await web.page.locator('#margin').fill('0');
    await expect.poll(async () => (await states())[0], PATIENCE).toBe('fits: 1.00 MiB left');
  });

  it('is written as on the command line, and says what is wrong with it', async () => {
    await web.page.locator('#machine').selectOption('other');
    const text = web.page.locator('#machine-text');
    await text.fill('cuda:9GiB/8.5GiB:8.9, vulkan:4GiB');
    const machine = 'cuda:9GiB/8.5GiB:8.9 vulkan:4GiB';
    await web.page.waitForFunction(() => location.hash.includes('vulkan'));
    await web.page.locator('.device').nth(2).waitFor();
    const before = await web.bytes();
    await text.fill('cuda:9GiB quda:4GiB');
    await text.press('Tab');
    await web.page.locator('#machine-error').getByText('there is cuda').waitFor();
    expect(await text.getAttribute('aria-invalid')).toBe('true');
    expect(await web.bytes()).toEqual(before);
    await web.page.reload();
    await web.settled();
    expect(await text.inputValue()).toBe(machine);
    expect(await web.page.locator('#machine').inputValue()).toBe('other');
    await expect.poll(() => web.bytes(), PATIENCE).toEqual(before);
    expect(web.problems).toEqual([]);
  });

  it('gives a Mac one memory for GPU and CPU', async () => {
    await web.page.locator('#machine').selectOption({ label: 'Mac with 16 GB' });
    await web.page.locator('.device').nth(1).waitFor();
    const { devices } = await measure(PHI, 'metal:10922MiB', { gpuLayers: 33, ctxSize: 4096 });
    const left = ((16 * GIB - devices[0].total) / GIB).toFixed(2);
    await expect.poll(() => web.page.locator('.device').nth(1).innerText(), PATIENCE).toContain(`of ${left} GiB`);
    expect(await web.page.locator('#memory').inputValue()).toBe('16');
  });

  it('is shared by its address, and saved', async () => {
    const cards = 'cuda:12GiB:8.6 cuda:12GiB:8.6';
    await web.openLink(
      link('mixtral-8x7b.gguf', cards, '&context=4096&layers=20&split=6,14&hostExperts=20&margin=0.5'),
    );
    await web.page.locator('#kv-offload').uncheck();
    await web.page.waitForFunction(() => location.hash.includes('kvOffload=false'));
    const other = await web.newPage();
    await web.openLink(new URL(web.page.url()).hash, other);
    const options = { gpuLayers: 20, tensorSplit: [6, 14], nCpuMoe: 20, ctxSize: 4096, kvOffload: false };
    const machine = await measure(MIXTRAL, cards, options);
    expect(await web.bytes(other)).toEqual(bytesOf(machine));
    expect(await other.locator('#machine').inputValue()).toBe(cards);
    expect(await other.locator('#margin').inputValue()).toBe('512');
    const saved = other.waitForEvent('download');
    await other.locator('[data-export=svg]').click();
    const { plan, schedule } = machine.phases.pp;
    const expected = renderMap(memoryMapOf(plan, schedule), { title: 'mixtral-8x7b.gguf' });
    expect(readFileSync(await (await saved).path(), 'utf8')).toBe(expected);
    const json = other.waitForEvent('download');
    await other.locator('[data-export=json]').click();
    const document: unknown = JSON.parse(readFileSync(await (await json).path(), 'utf8'));
    expect(document).toMatchObject({ total: machine.total, layers: machine.layers, splits: machine.splits });
    await other.close();
  });

  it('has no accessibility defect that axe finds, light and dark, wide and narrow', async () => {
    await web.openLink(link('mixtral-8x7b.gguf', 'cuda:12GiB:8.6 cuda:12GiB:8.6', '&context=4096&layers=33'));
    await web.page.locator('#map .ta-device-0').first().waitFor({ state: 'attached' });
    await web.page.evaluate(readFileSync(AXE, 'utf8'));
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 360]) {
        await web.page.emulateMedia({ colorScheme });
        await web.page.setViewportSize({ width, height: 900 });
        const found = await web.page.evaluate(async () => {
          const { axe } = window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
          return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`);
        });
        expect(found, `${colorScheme}, ${width} pixels`).toEqual([]);
        const scrollWidth = await web.page.evaluate(() => document.documentElement.scrollWidth);
        expect(scrollWidth).toBeLessThanOrEqual(width);
      }
    }
    await web.page.emulateMedia({ colorScheme: null });
    await web.page.setViewportSize({ width: 1280, height: 900 });
  });
});

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}

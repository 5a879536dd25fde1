/** ONNX and TFLite files on the web page: their weights and plans, and the lengths that they leave open. */
import { expect, it } from 'vitest';
import { planGraph } from '../../src/index.js';
import { graphFromOnnx, readOnnx } from '../../src/onnx/index.js';
import { graphFromTflite, readTflite } from '../../src/tflite/index.js';
import { describeBrowser } from '../support/browser.js';
import { valueOf, weight, writeOnnx } from '../support/onnx-writer.js';
import { projectPath } from '../support/shared.js';
import { digits, fileOf, WebPage } from '../support/web-page.js';

const PATIENCE = { timeout: 90_000 };
const ONNX = projectPath('examples/squeezenet.onnx');
const TFLITE = projectPath('examples/audio-preprocessor.tflite');

/** A convolution of three columns, over inputs of open lengths; `name` is that of the second dimension. */
const convolution = (name: string): Uint8Array =>
  writeOnnx({
    node: [
      ['Conv', 'x w', 'c'],
      ['Relu', 'c', 'y'],
    ],
    input: [valueOf('x', ['batch', 8, name])],
    initializer: [weight('w', [4, 8, 3])],
    outputs: 'y',
  });

describeBrowser('networks on the web page', () => {
  const web = new WebPage();

  it('plans an ONNX file as ONNX Runtime aligns it', async () => {
    await web.choose(ONNX);
    const model = await readOnnx(ONNX);
    const { bufferSize } = planGraph(graphFromOnnx(model), { alignment: 64, runtime: 'none' });
    const { bytes } = model.weights;
    expect(await web.bytes()).toEqual([bytes, bufferSize, bytes + bufferSize].map(digits));
    expect(await web.page.locator('#facts').innerText()).toContain('ONNX network');
    expect(await web.page.locator('#shapes').isVisible()).toBe(false);
    expect(web.problems).toEqual([]);
  });

  it('plans a TFLite file as TFLite Micro keeps it', async () => {
    await web.choose(TFLITE);
    const { bufferSize } = planGraph(graphFromTflite(await readTflite(TFLITE)), { alignment: 16, runtime: 'none' });
    expect((await web.bytes())[1]).toBe(digits(bufferSize));
    expect(web.problems).toEqual([]);
  });

  it.each([
    ['of a name', 'width', 'width'],
    ['without a name', '', 'x.2'],
  ])('offers a field and a slider for each length %s', async (_, name, label) => {
    const bytes = convolution(name);
    await web.choose(fileOf('convolution.onnx', bytes));
    const model = await readOnnx(bytes);
    const sizeOf = (batch: number, width: number): string => {
      const graph = graphFromOnnx(model, { inputs: { x: [batch, 8, width] } });
      return digits(planGraph(graph, { alignment: 64, runtime: 'none' }).bufferSize);
    };
    expect((await web.bytes())[1]).toBe(sizeOf(1, 128));
    await web.page.getByLabel('batch', { exact: true }).fill('3');
    await web.page.getByLabel(label, { exact: true }).fill('640');
    await expect.poll(async () => (await web.bytes())[1], PATIENCE).toBe(sizeOf(3, 640));
    await web.page.getByLabel(`${label}, slider`).fill('20');
    await expect.poll(async () => (await web.bytes())[1], PATIENCE).toBe(sizeOf(3, 1536));
    const inLink = `dim.${label}=1536`;
    await web.page.waitForFunction((wanted) => location.hash.includes(wanted), inLink, { timeout: 0 });
    expect(web.problems).toEqual([]);
  });

  it('says which length a network cannot have, and lets the reader choose another', async () => {
    await web.choose(fileOf('convolution.onnx', convolution('width')));
    await web.page.getByLabel('width', { exact: true }).fill('1');
    await web.page.locator('#error:visible').waitFor();
    expect(await web.error()).toContain('Conv');
    await web.page.getByLabel('width', { exact: true }).fill('3');
    await web.page.locator('#error').waitFor({ state: 'hidden' });
    expect((await web.bytes())[1]).not.toBe('');
  });

  it('counts the weights of a network that it does not understand, and says why', async () => {
    const bytes = writeOnnx({
      node: [['Unheard', 'x w', 'y', {}, 'my.domain']],
      input: [valueOf('x', [1, 8])],
      initializer: [weight('w', [8, 4])],
      outputs: 'y',
    });
    await web.choose(fileOf('unheard.onnx', bytes));
    expect(await web.page.locator('#facts').innerText()).toContain('Unheard');
    expect(await web.bytes()).toEqual([digits(128), '', '', '']);
    expect(web.problems).toEqual([]);
  });

  it('says what is wrong with a file that is no network', async () => {
    await web.choose(fileOf('broken.onnx', 'no network'));
    expect(await web.fileError()).toContain('broken.onnx');
    await web.choose(fileOf('broken.tflite', 'no network'));
    expect(await web.fileError()).toContain('broken.tflite');
  });
});

/**
 * A page, without any framework, that says whether a model fits into memory. The file stays where it is: its header is
 * read in the browser.
 *
 *     npx vite examples/does-it-fit
 */
import { PlannerError } from 'tensor-arena';
import { measureModel } from 'tensor-arena/models';
import { readGguf, type Gguf } from 'tensor-arena/gguf';

const form = document.querySelector('form')!;
const output = document.querySelector('output')!;
const field = (name: string): HTMLInputElement => form.elements.namedItem(name) as HTMLInputElement;
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`;

let gguf: Gguf | null = null;

function show(): void {
  if (gguf === null) return;
  const { weights, context, compute, total } = measureModel(gguf, { ctxSize: field('context').valueAsNumber });
  const memory = field('memory').valueAsNumber || 0; // an empty field is not a number
  const spare = memory * 2 ** 30 - total;
  const verdict = spare >= 0 ? `Yes: ${gib(spare)} to spare.` : `No: ${gib(-spare)} too much.`;
  output.textContent = [
    verdict,
    `weights ${gib(weights)}`,
    `KV cache ${gib(context)}`,
    `compute buffer ${gib(compute)}`,
  ].join('\n');
}

form.addEventListener('input', (event) => {
  const update = async (): Promise<void> => {
    const [file] = field('model').files ?? [];
    if (event.target === field('model') && file !== undefined) {
      gguf = null; // what is shown is never of another file
      gguf = await readGguf(file);
    }
    show();
  };
  update().catch((error: unknown) => {
    output.textContent = error instanceof PlannerError ? error.message : String(error);
  });
});

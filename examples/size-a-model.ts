/**
 * How much memory will a model need, before it is downloaded? Only the header of the file is read, from disk or by HTTP.
 *
 *     npx tsx examples/size-a-model.ts [model.gguf or URL] [memory in GiB]
 */
import { measureModel } from 'tensor-arena/models';
import { readGguf } from 'tensor-arena/gguf';

const [source = 'examples/phi-3-mini-4k.gguf', memory = '4'] = process.argv.slice(2);
const available = Number(memory) * 2 ** 30;
const gguf = await readGguf(source);

const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(2).padStart(7);
console.log(`${source}: ${gguf.tensors.length} tensors\n`);
console.log('context  cache  weights    cache  compute    total  GiB');
for (const ctxSize of [2048, 4096, 16384]) {
  for (const cacheType of ['f16', 'q8_0']) {
    const options = { ctxSize, cacheTypeK: cacheType, cacheTypeV: cacheType };
    const { weights, context, compute, total } = measureModel(gguf, options);
    const sizes = [weights, context, compute, total].map(gib).join('  ');
    const verdict = total <= available ? 'fits' : 'does not fit';
    console.log(`${String(ctxSize).padStart(7)}  ${cacheType.padEnd(5)}  ${sizes}  ${verdict}`);
  }
}

/**
 * A small engine with kernels of its own on WebGPU, from the first token to the thousandth: nothing is planned anew, the arena
 * grows with the context, and nothing is read back before the end.
 *
 *     npx tsx examples/run-on-webgpu.ts      prints what would run; a page calls generate(device)
 */
import { Context, Graph, planFamily, type Tensor } from 'tensor-arena';
import { dispatchesOf, webgpuTarget, type DispatchBindings } from 'tensor-arena/webgpu';

export const [WIDTH, WORDS, TOKENS] = [16, 50, 1000];
/** A graph has room for whole blocks of tokens: the scores of a block take 256 bytes, the unit in which an arena grows. */
const BLOCK = 64;
const BLOCKS = Math.ceil(TOKENS / BLOCK);

// What outlives every graph has a buffer of its own: weights, caches, and the tokens so far, of which the first is 0.
const model = Context.virtual();
const matrix = (name: string, rows: number): Tensor => model.newTensor('f32', [WIDTH, rows], name);
const [table, head] = [matrix('table', WORDS), matrix('head', WORDS)];
const [wq, wk, wv] = [matrix('wq', WIDTH), matrix('wk', WIDTH), matrix('wv', WIDTH)];
const [keys, values] = [matrix('keys', BLOCKS * BLOCK), matrix('values', BLOCKS * BLOCK)];
const tokens = model.newTensor('f32', [TOKENS + 1], 'tokens');
const weights = [table, head, wq, wk, wv];
export const weight = (of: string, i: number): number => Math.fround(Math.sin(of.charCodeAt(1) * 31 + i * i * 7.3));

/** The graph of the token after `past` others, with room for so many blocks. */
function build(past: number, blocks: number): Graph {
  const context = blocks * BLOCK;
  const ctx = Context.deferred();
  const apply = (op: string, sources: Tensor[], count: number, params = {}): Tensor =>
    ctx.custom(sources, { op, type: 'f32', ne: [count], params });
  const token = (at: number): Tensor => ctx.view(tokens, [1], [], 4 * at);
  const x = apply('EMBED', [table, token(past)], WIDTH);
  // A product is written straight into its row of the cache; the dependency makes the reader wait for it.
  const append = (cache: Tensor, by: Tensor): Tensor => {
    const row = ctx.view(cache, [WIDTH], [], past * cache.strides[1]);
    const written = ctx.setOutput(apply('PROJECT', [by, x], WIDTH), row);
    return ctx.dependency(ctx.view(cache, [WIDTH, context]), written);
  };
  const scores = apply('SCORES', [append(keys, wk), apply('PROJECT', [wq, x], WIDTH)], context, { past });
  const mixed = apply('MIX', [append(values, wv), scores], WIDTH);
  const logits = apply('PROJECT', [head, mixed], WORDS);
  return Graph.forward(ctx.setOutput(apply('LARGEST', [logits], 1), token(past + 1)));
}

/** What each operation does for element `i` of its result: `a` and `b` are its operands, `p` its numbers. */
const KERNELS: Readonly<Record<string, string>> = {
  EMBED: 'put(i, a(u32(b(0u)) * p.width + i));',
  PROJECT: 'var sum = 0.0; for (var k = 0u; k < p.width; k++) { sum += a(i * p.width + k) * b(k); } put(i, sum);',
  SCORES: `var sum = 0.0; for (var k = 0u; k < p.width; k++) { sum += a(i * p.width + k) * b(k); }
    put(i, select(-1e30, sum / 4.0 - 0.1 * f32(p.past - i), i <= p.past));`,
  MIX: `var largest = -1e30; var total = 0.0; var sum = 0.0;
    for (var k = 0u; k < p.length; k++) { largest = max(largest, b(k)); }
    for (var k = 0u; k < p.length; k++) {
      let weight = exp(b(k) - largest);
      total += weight;
      sum += weight * a(k * p.width + i);
    }
    put(i, sum / total);`,
  LARGEST: 'var at = 0u; for (var k = 1u; k < p.width; k++) { at = select(at, k, a(k) > a(at)); } put(0u, f32(at));',
};

/** A shader for bindings as the plan has them: the same bytes are bound once, and what is written is bound for writing. */
function shaderOf(op: string, { bindings, operands, result }: DispatchBindings<unknown>): string {
  const declared = bindings.map(({ access }, index) => {
    return `@group(0) @binding(${index}) var<storage, ${access === 'read' ? 'read' : 'read_write'}> b${index}: array<f32>;`;
  });
  const readers = operands.map((operand, slot) => {
    return `fn ${'ab'[slot]}(i: u32) -> f32 { return b${operand!.binding}[p.${'ab'[slot]} + i]; }`;
  });
  return `${declared.join('\n')}
    struct Numbers { out: u32, count: u32, past: u32, a: u32, width: u32, b: u32, length: u32 }
    @group(0) @binding(${bindings.length}) var<uniform> p: Numbers;
    ${readers.join('\n')}
    fn put(i: u32, value: f32) { b${result!.binding}[p.out + i] = value; }
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      let i = id.x;
      if (i < p.count) { ${KERNELS[op]} }
    }`;
}

/** Where its tensors begin within their bindings, in elements, and their lengths: the shader's `Numbers`. */
function numbersOf({ nodes: [node], operands, result }: DispatchBindings<unknown>): Uint32Array<ArrayBuffer> {
  const numbers = new Uint32Array(8);
  const read = operands.flatMap((at, slot) => [at!.residual / 4, node.sources[slot]!.shape[0]]);
  numbers.set([result!.residual / 4, node.shape[0], Number(node.params.past ?? 0), ...read]);
  return numbers;
}

const target = webgpuTarget();
const family = planFamily(({ blocks }) => build(0, blocks), { blocks: [1, BLOCKS] }, { grows: 'blocks', target });

/** Generates all tokens on a device, and says how many buffers the arena had. */
export async function generate(device: GPUDevice): Promise<{ tokens: number[]; arenas: number }> {
  // Usages are those of GPUBufferUsage: here storage that is also copied to and from.
  const bufferOf = (size: number, usage = 0x80 + 0x8 + 0x4): GPUBuffer => device.createBuffer({ size, usage });
  const outside = new Map([...weights, keys, values, tokens].map((each) => [each, bufferOf(each.byteLength)]));
  const placeOf = (owner: Tensor) => ({ buffer: outside.get(owner)!, offset: 0 });
  for (const each of weights) {
    const data = Float32Array.from({ length: each.byteLength / 4 }, (_, i) => weight(each.name, i));
    device.queue.writeBuffer(outside.get(each)!, 0, data);
  }
  const uniforms = bufferOf(16 * 256, 0x40 + 0x8);
  const pipelines = new Map<string, GPUComputePipeline>();
  let [arena, arenas] = [bufferOf(4), 0];
  for (let past = 0; past < TOKENS; past++) {
    const blocks = Math.ceil((past + 1) / BLOCK);
    const plan = family.plan(build(past, blocks), { blocks });
    if (arena.size < plan.bufferSize) {
      arena.destroy(); // it holds nothing between two tokens
      arena = bufferOf(plan.bufferSize);
      arenas++;
    }
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const [index, bound] of dispatchesOf(plan.graph, plan, target, placeOf).entries()) {
      const [node] = bound.nodes;
      const code = shaderOf(node.op, bound);
      let pipeline = pipelines.get(code);
      if (pipeline === undefined) {
        const compute = { module: device.createShaderModule({ code }) };
        pipelines.set(code, (pipeline = device.createComputePipeline({ layout: 'auto', compute })));
      }
      device.queue.writeBuffer(uniforms, 256 * index, numbersOf(bound));
      const resources = bound.bindings.map(({ buffer, offset, size }) => {
        return { buffer: typeof buffer === 'number' ? arena : buffer, offset, size };
      });
      resources.push({ buffer: uniforms, offset: 256 * index, size: 32 });
      const entries = resources.map((resource, binding) => ({ binding, resource }));
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
      pass.dispatchWorkgroups(Math.ceil(node.shape[0] / 64));
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
  }
  const staging = bufferOf(tokens.byteLength, 0x8 + 0x1); // copied to, and mapped for reading
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(outside.get(tokens)!, 0, staging, 0, staging.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(1);
  return { tokens: [...new Float32Array(staging.getMappedRange())], arenas };
}

const first = family.at({ blocks: 1 });
const ops = dispatchesOf(first.graph, first, target).map(({ nodes: [node] }) => node.op);
console.log(`dispatches for a token: ${ops.join(', ')}`);
console.log(`arena: ${first.bufferSize} bytes at first, ${family.bufferSize} at the end`);

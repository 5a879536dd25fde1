/** Shaders and dispatches without a device: texts, parameters, numbers of workgroups, and what cannot run. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context } from '../../../src/dialects/ggml/context.js';
import { Graph } from '../../../src/graph/graph.js';
import { dispatchOf, type Dispatch } from '../../../src/exec/webgpu/dispatch.js';
import { whyNotExecutableOnWebGpu } from '../../../src/exec/webgpu/executable.js';
import { SHADERS } from '../../../src/exec/webgpu/kernels/kernels.js';
import { shaderText } from '../../../src/exec/webgpu/shader.js';
import { planGraph } from '../../../src/plan/plan.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import { bindingsOf } from '../../../src/webgpu/dispatch.js';
import { webgpuTarget } from '../../../src/webgpu/target.js';
import { KEEPING } from '../../support/keeping-recipes.js';
import { Maker, OVERWRITING, type Recipe } from '../../support/operation-recipes.js';

const RECIPES: Readonly<Record<string, Recipe>> = { ...OVERWRITING, ...KEEPING };
const TARGET = webgpuTarget();
const MOST_WORKGROUPS = 65_535;

/** The dispatch of a node in a plan of its own. */
function dispatchIn(node: Tensor, graph = Graph.forward(node), most = MOST_WORKGROUPS): Dispatch {
  const plan = planGraph(graph, { target: TARGET, reuse: 'full' });
  return dispatchOf(node, bindingsOf(plan, node, TARGET), most)!;
}

const words = (text: string, pattern: RegExp): Set<string> =>
  new Set(Array.from(text.matchAll(pattern), ([, word]) => word));

describe('the text of a shader', () => {
  it.each(Array.from(SHADERS.keys(), ({ name }) => name))('of %s names only what it declares', (op) => {
    let seen = 0;
    fc.assert(
      fc.property(fc.gen(), (gen) => {
        const maker = new Maker(gen);
        const node = maker.ctx.setOutput(RECIPES[op](maker));
        if (whyNotExecutableOnWebGpu(Graph.forward(node)) !== null) return;
        seen++;
        const { variant, params } = dispatchIn(node);
        const text = shaderText(variant);
        const fields = words(text.slice(text.indexOf('struct Params'), text.indexOf('@group')), /^ {2}(\w+):/gm);
        for (const field of words(text, /\bp\.(\w+)/g)) expect(fields).toContain(field);
        for (const slot of words(variant.kernel.wgsl, /\b(?:get|set|ne|has)_(\w+)/g)) {
          expect([...variant.slots.map(({ name }) => name), ...variant.absent]).toContain(slot);
        }
        expect(params.byteLength % 16).toBe(0);
        expect(params.byteLength).toBeGreaterThanOrEqual(48 * variant.slots.length + 4 + 4 * variant.settings.length);
      }),
      { numRuns: 40 },
    );
    expect(seen).toBeGreaterThan(5);
  });

  it('declares halves of words as atomics, where they are written', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [6], 'x'));
    const y = ctx.setOutput(ctx.cast(x, 'f16'));
    const { variant } = dispatchIn(y);
    expect(shaderText(variant)).toContain(`var<storage, read_write> b${variant.slots[0].binding}: array<atomic<u32>>`);
    expect(shaderText(variant)).toContain(`var<storage, read_write> b${variant.slots[1].binding}: array<u32>`);
  });

  it('has one binding for a result and the operand that it overwrites', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [6], 'x'));
    const { variant } = dispatchIn(ctx.setOutput(ctx.relu(x)));
    expect(variant.bindings).toEqual(['read-write']);
    expect(variant.slots.map(({ binding }) => binding)).toEqual([0, 0]);
  });

  it('reads weights through bindings for reading', () => {
    const ctx = Context.deferred();
    const weight = Context.virtual().newTensor('f32', [4, 2], 'w');
    const x = ctx.setInput(ctx.newTensor('f32', [4, 3], 'x'));
    const { variant } = dispatchIn(ctx.setOutput(ctx.mulMat(weight, x)));
    const access = variant.slots.map(({ name, binding }) => [name, variant.bindings[binding]]);
    expect(Object.fromEntries(access)).toEqual({ out: 'read-write', a: 'read', b: 'read-write' });
    expect(shaderText(variant)).toMatch(/var<storage, read> b\d: array<u32>/);
  });

  it('is the same for nodes that differ in shapes only', () => {
    const ctx = Context.deferred();
    const product = (m: number, n: number): Tensor => {
      const [a, b] = [ctx.newTensor('f32', [8, m]), ctx.newTensor('f32', [8, n])];
      return ctx.setOutput(ctx.mulMat(ctx.setInput(a), ctx.setInput(b)));
    };
    expect(shaderText(dispatchIn(product(3, 5)).variant)).toBe(shaderText(dispatchIn(product(70, 1)).variant));
  });
});

describe('the parameters of a dispatch', () => {
  it('are shapes, strides and first bytes, the number of units, and the settings', () => {
    const ctx = Context.deferred();
    const weight = Context.virtual().newTensor('f32', [100], 'w');
    const x = ctx.setInput(ctx.newTensor('f32', [3, 5], 'x'));
    const part = ctx.view(weight, [3], [], 4 * 65); // byte 260: bound from byte 256 on
    const { params, variant } = dispatchIn(ctx.setOutput(ctx.add(x, part)));
    expect(variant.slots.map(({ name }) => name)).toEqual(['out', 'a', 'b']);
    const numbers = Array.from(new Uint32Array(params.buffer));
    expect(numbers.slice(0, 9)).toEqual([3, 5, 1, 1, 4, 12, 60, 60, 0]);
    expect(numbers.slice(24, 33)).toEqual([3, 1, 1, 1, 4, 12, 12, 12, 4]);
    expect(numbers[36]).toBe(15);
    expect(params.byteLength).toBe(160);
  });

  it('hold settings as floats and integers behind the places', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [4], 'x'));
    const { params } = dispatchIn(ctx.setOutput(ctx.scale(x, 0.5, { bias: -2 })));
    expect(Array.from(new Float32Array(params.buffer, 2 * 48 + 4, 2))).toEqual([0.5, -2]);
    const masked = dispatchIn(ctx.setOutput(ctx.diagMaskInf(ctx.setInput(ctx.newTensor('f32', [4, 4])), 3)));
    expect(new Int32Array(masked.params.buffer)[25]).toBe(3);
    expect(new Float32Array(masked.params.buffer)[26]).toBe(-Infinity);
  });
});

describe('the workgroups of a dispatch', () => {
  const ctx = Context.deferred();
  const unary = (count: number): Tensor => ctx.setOutput(ctx.relu(ctx.setInput(ctx.newTensor('f32', [count]))));

  it('are one for 64 elements, or one for a row', () => {
    expect(dispatchIn(unary(64)).workgroups).toEqual([1, 1]);
    expect(dispatchIn(unary(65)).workgroups).toEqual([2, 1]);
    const rows = ctx.setOutput(ctx.rmsNorm(ctx.setInput(ctx.newTensor('f32', [100, 7, 3])), 1e-5));
    expect(dispatchIn(rows).workgroups).toEqual([21, 1]);
  });

  it('are a tile of 8 × 8 of a product', () => {
    const [a, b] = [ctx.newTensor('f32', [5, 17, 2]), ctx.newTensor('f32', [5, 9, 4])];
    expect(dispatchIn(ctx.setOutput(ctx.mulMat(ctx.setInput(a), ctx.setInput(b)))).workgroups).toEqual([3 * 2 * 4, 1]);
  });

  it('lie in a plane where a dimension has no room for them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 2, max: 50 }), (count, most) => {
        const groups = Math.ceil(count / 64);
        fc.pre(groups <= most * most);
        const node = unary(count);
        const [x, y] = dispatchIn(node, Graph.forward(node), most).workgroups;
        expect(Math.max(x, y)).toBeLessThanOrEqual(most);
        expect(x * y).toBeGreaterThanOrEqual(groups);
        expect(x * y - groups).toBeLessThan(y);
      }),
    );
  });

  it('are none for a node without elements', () => {
    const ctx = Context.deferred();
    const rows = ctx.setInput(ctx.newTensor('f32', [4, 0], 'rows'));
    const ids = ctx.setInput(ctx.newTensor('i32', [0], 'ids'));
    const node = ctx.setRows(Context.virtual().newTensor('f32', [4, 3]), rows, ids);
    const graph = Graph.forward(ctx.setOutput(node));
    const plan = planGraph(graph, { target: TARGET });
    expect(dispatchOf(node, bindingsOf(plan, node, TARGET), MOST_WORKGROUPS)).toBeNull();
  });
});

describe('what WebGPU cannot run', () => {
  const ctx = Context.deferred();
  const reason = (node: Tensor): string | null => whyNotExecutableOnWebGpu(Graph.forward(node));
  const leaf = (type: 'f32' | 'bf16' | 'q8_0' | 'i32', ...ne: number[]): Tensor => ctx.newTensor(type, ne, 'leaf');

  it('is said in words', () => {
    expect(reason(ctx.relu(leaf('f32', 4)))).toBeNull();
    expect(reason(ctx.cumsum(leaf('f32', 4)))).toBe('CUMSUM (node_0) has no WebGPU kernel');
    expect(reason(ctx.mulMat(leaf('q8_0', 32, 2), leaf('f32', 32)))).toBe('leaf is q8_0');
    expect(reason(ctx.relu(leaf('bf16', 4)))).toBe('node_0 is bf16');
    const positions = leaf('i32', 4);
    const rope = ctx.rope(leaf('f32', 8, 2, 1), positions, 8, { mode: 'mrope', sections: [1, 1, 2, 0] });
    expect(reason(rope)).toBe('ROPE (node_0) has the mode mrope, with several positions a token');
    const long = ctx.flashAttn(leaf('f32', 8, 1, 1), leaf('f32', 8, 4, 1), leaf('f32', 520, 4, 1));
    expect(reason(long)).toBe('FLASH_ATTN_EXT (node_0) has values of more than 512 elements');
    expect(reason(ctx.add(ctx.view(leaf('f32', 8), [4], [], 2), leaf('f32', 4)))).toBe(
      'leaf (view) has elements at byte 2, which is no multiple of 4',
    );
  });

  it('moves integers, but computes with floats', () => {
    expect(reason(ctx.cont(leaf('i32', 4)))).toBeNull();
    expect(reason(ctx.getRows(leaf('i32', 4, 3), leaf('i32', 2)))).toBeNull();
    expect(reason(ctx.relu(leaf('i32', 4)))).toBe('node_0 is i32');
  });
});

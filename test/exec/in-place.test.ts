/**
 * The in-place column of the operation table, proven by running each operation with and without an operand's bytes
 * being the result's. Declaring an operand that is read after a write fails here.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findOperation, OPERATIONS } from '../../src/dialects/ggml/operations.js';
import { Graph } from '../../src/graph/graph.js';
import { sameShape } from '../../src/tensor/layout.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { Elements } from '../../src/exec/reference/elements.js';
import { fillLeafs } from '../../src/exec/reference/fill.js';
import { Call } from '../../src/exec/reference/kernels/kernel.js';
import { findKernel } from '../../src/exec/reference/kernels/kernels.js';
import { Memory } from '../../src/exec/reference/memory.js';
import { KEEPING } from '../support/keeping-recipes.js';
import { Maker, OVERWRITING } from '../support/operation-recipes.js';

const RECIPES = { ...OVERWRITING, ...KEEPING };

/** Slots that read the bytes of the operand in `slot`, itself included. */
function slotsOf(node: Tensor, slot: number): number[] {
  const target = node.sources[slot]!;
  return [...node.sources.keys()].filter((other) => node.sources[other] === target);
}

/** Whether the result could lie over the operand: same type and shape; strides are made to agree by the runs. */
function fitsOver(node: Tensor, slot: number): boolean {
  const source = node.sources[slot] ?? null;
  return source !== null && source !== node && source.type === node.type && sameShape(source, node);
}

/** The bytes of the result, laid out like the operand in `slot`: in fresh memory, or over that operand. */
function run(node: Tensor, slot: number, seed: number, reuse: boolean): Uint8Array {
  const graph = Graph.forward(node);
  const memory = Memory.separate(graph);
  fillLeafs(graph, memory, seed);
  const target = node.sources[slot]!;
  const storage = reuse ? memory.storage(target) : memory.storage(target).slice();
  if (!reuse && !node.isView) clearElements(target, storage);
  const out = new Elements(target, storage, target.viewOffset);
  const sources = node.sources.map((source) => (source === null ? null : memory.elements(source)));
  findKernel(node.operation!)!(new Call(node, out, sources));
  return storage;
}

/** Operations that write only a part keep the rest of their operand: they are views of it and start from its values. */
function clearElements(target: Tensor, storage: Uint8Array): void {
  const elements = new Elements(target, storage, target.viewOffset);
  elements.forEach((...at) => elements.set(NaN, ...at));
}

/** Whether overwriting the operand leaves the result as it is. */
function isSound(node: Tensor, slot: number, seed: number): boolean {
  return Buffer.compare(run(node, slot, seed, true), run(node, slot, seed, false)) === 0;
}

interface Tally {
  tried: number;
  broken: number;
}

/** Per slot, how often overwriting was tried on random nodes and how often it changed the result. */
function tallyOf(op: string, numRuns: number): Tally[] {
  const tallies: Tally[] = [];
  fc.assert(
    fc.property(fc.gen(), fc.nat(), (gen, seed) => {
      const node = RECIPES[op](new Maker(gen));
      expect(node.op).toBe(op);
      node.sources.forEach((_, slot) => {
        const tally = (tallies[slot] ??= { tried: 0, broken: 0 });
        if (!fitsOver(node, slot)) return;
        const overwritten = slotsOf(node, slot);
        if (overwritten.some((other) => other !== slot && !findOperation(op)!.overwrites.includes(other))) return;
        tally.tried++;
        if (!isSound(node, slot, seed)) tally.broken++;
      });
    }),
    { numRuns },
  );
  return tallies;
}

const mayOverwrite = OPERATIONS.filter(({ overwrites, reusesAny }) => overwrites.length > 0 || reusesAny);

it('every operation that computes something has a recipe, but for custom ones', () => {
  const without = OPERATIONS.filter(({ name, isView }) => !isView && !(name in RECIPES));
  expect(without.map(({ name }) => name)).toEqual(['CUSTOM']);
  expect(Object.keys(OVERWRITING).sort()).toEqual(mayOverwrite.map(({ name }) => name).sort());
});

describe('operands that the table lets a result overwrite', () => {
  it.each(mayOverwrite.map(({ name, overwrites }) => [name, overwrites] as const))('%s %j', (op, overwrites) => {
    const tallies = tallyOf(op, 150);
    for (const slot of overwrites) {
      expect(tallies[slot].tried, `tries of slot ${slot}`).toBeGreaterThan(10);
      expect(tallies[slot].broken, `slot ${slot}`).toBe(0);
    }
  });
});

/** Operands that would come out wrong if they were declared: the operation reads them again after it has written. */
const CAUGHT: Readonly<Record<string, readonly number[]>> = {
  MUL_MAT: [0, 1],
  MUL_MAT_ID: [1],
  OUT_PROD: [0, 1],
  SOLVE_TRI: [0], // the other one, solved from row to row, would come out right: the table is cautious
  FLASH_ATTN_EXT: [0, 1, 2],
  LIGHTNING_INDEXER: [0, 2],
  DSV4_HC_PRE: [1],
  DSV4_HC_POST: [1, 3],
  GET_ROWS: [0],
  GET_ROWS_BACK: [0],
  ROLL: [0],
  REPEAT_BACK: [0],
  SSM_CONV: [0],
  IM2COL: [1],
  IM2COL_BACK: [0],
  CONV_2D: [0, 1],
  CONV_2D_DW: [0, 1],
  CONV_3D: [0, 1],
  CONV_TRANSPOSE_1D: [1],
  CONV_TRANSPOSE_2D: [0, 1],
  COL2IM_1D: [0],
  POOL_1D: [0],
  POOL_2D: [0],
  POOL_2D_BACK: [0, 1],
};

/** Operands that have the result's layout only where they have one element, or where nothing is done to them. */
const TRIVIAL = [
  'CONCAT',
  'DIAG',
  'SUM',
  'SUM_ROWS',
  'MEAN',
  'UPSCALE',
  'PAD',
  'PAD_REFLECT_1D',
  'TIMESTEP_EMBEDDING',
].concat(['WIN_PART', 'WIN_UNPART', 'GET_REL_POS', 'CROSS_ENTROPY_LOSS']);

describe('operands that it does not', () => {
  it.each(Object.keys(KEEPING))('%s: would be caught, or never fits', (op) => {
    expect(findOperation(op)!.overwrites).toEqual([]);
    const tallies = tallyOf(op, 150);
    const slots = [...tallies.keys()];
    expect(slots.filter((slot) => tallies[slot].broken > 0)).toEqual(CAUGHT[op] ?? []);
    if (!(op in CAUGHT) && !TRIVIAL.includes(op)) expect(tallies.filter(({ tried }) => tried > 0)).toEqual([]);
  });

  // ggml lets its in-place operations take over any operand of the result's layout. These would come out wrong.
  it.each([
    ['ADD_ID', 1],
    ['ROPE', 2],
    ['ROPE_BACK', 2],
    ['SOFT_MAX_BACK', 1],
  ])('%s operand %i would be caught, although ggml overwrites it', (op, slot) => {
    const { reusesAny, overwrites } = findOperation(op)!;
    expect(reusesAny).toBe(true);
    expect(overwrites).not.toContain(slot);
    expect(tallyOf(op, 300)[slot].broken).toBeGreaterThan(0);
  });
});

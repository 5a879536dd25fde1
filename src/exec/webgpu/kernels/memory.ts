/**
 * Moving elements: copies, rows in and out, joining, repeating.
 */
import { CONCAT, CONT, CPY, DUP, GET_ROWS, REPEAT, SET_ROWS } from '../../../dialects/ggml/ops/memory.js';
import { elementCount } from '../../../tensor/layout.js';
import { integers, type ShaderKernel, type ShaderKernels } from './kernel.js';

const moving = (wgsl: string, rest: Partial<ShaderKernel> = {}): ShaderKernel => ({
  unit: 'element',
  count: elementCount,
  moves: true,
  wgsl,
  ...rest,
});

/** In the order of a contiguous tensor; the shapes may differ. */
const copy = moving(/* wgsl */ `
fn element(i: u32) { set_out(index_of(i, p.out.ne), get_a(index_of(i, p.a.ne))); }`);

const getRows = moving(
  /* wgsl */ `
fn element(i: u32) {
  let at = index_of(i, p.out.ne);
  let row = u32(get_ids(vec4u(at.yzw, 0u)));
  set_out(at, get_a(vec4u(at.x, row, at.zw)));
}`,
  { integers: ['ids'] },
);

const setRows = moving(
  /* wgsl */ `
fn element(i: u32) {
  let at = index_of(i, p.rows.ne);
  let row = u32(get_ids(vec4u(at.yzw, 0u) % p.ids.ne));
  set_out(vec4u(at.x, row, at.zw), get_rows(at));
}`,
  { integers: ['ids'], count: ({ sources }) => elementCount(sources[0]!) },
);

const concat = moving(
  /* wgsl */ `
fn element(i: u32) {
  let at = index_of(i, p.out.ne);
  if (at[p.dim] < p.a.ne[p.dim]) {
    set_out(at, get_a(at));
  } else {
    var behind = at;
    behind[p.dim] -= p.a.ne[p.dim];
    set_out(at, get_b(behind));
  }
}`,
  { settings: (settings) => integers({ dim: settings.number('dim') }) },
);

const repeat = moving(/* wgsl */ `
fn element(i: u32) {
  let at = index_of(i, p.out.ne);
  set_out(at, get_a(at % p.a.ne));
}`);

export const MEMORY_SHADERS: ShaderKernels = [
  [DUP, copy],
  [CPY, copy],
  [CONT, copy],
  [GET_ROWS, getRows],
  [SET_ROWS, setRows],
  [CONCAT, concat],
  [REPEAT, repeat],
];

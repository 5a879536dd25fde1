/**
 * Products of matrices, tile by tile.
 */
import { MUL_MAT } from '../../../dialects/ggml/ops/matrix.js';
import { LANES, type ShaderKernels } from './kernel.js';

/** Rows and columns of the result that a workgroup computes, one element a lane. */
const SIDE = Math.sqrt(LANES);
/** Elements of a row and of a column that are loaded at once. */
const DEPTH = 32;

/** `a` is repeated over the outer dimensions of `b`: neighbouring matrices of `b` share a matrix of `a`. */
const MUL_MAT_TEXT = /* wgsl */ `
var<workgroup> tile_a: array<f32, ${SIDE * DEPTH}>;
var<workgroup> tile_b: array<f32, ${SIDE * DEPTH}>;

fn group(index: u32, lane: u32) {
  let tiles = (p.out.ne + vec4u(${SIDE - 1}u, ${SIDE - 1}u, 0u, 0u)) / vec4u(${SIDE}u, ${SIDE}u, 1u, 1u);
  let tile = index_of(index, tiles) * vec4u(${SIDE}u, ${SIDE}u, 1u, 1u);
  let outer_a = tile.zw / (p.b.ne.zw / p.a.ne.zw);
  let own = vec2u(lane % ${SIDE}u, lane / ${SIDE}u);
  var sum = 0.0;
  for (var begin = 0u; begin < p.a.ne.x; begin += ${DEPTH}u) {
    for (var i = lane; i < ${SIDE * DEPTH}u; i += ${LANES}u) {
      let k = begin + i % ${DEPTH}u;
      let at = tile.xy + i / ${DEPTH}u;
      tile_a[i] = 0.0;
      tile_b[i] = 0.0;
      if (k < p.a.ne.x && at.x < p.out.ne.x) { tile_a[i] = get_a(vec4u(k, at.x, outer_a)); }
      if (k < p.a.ne.x && at.y < p.out.ne.y) { tile_b[i] = get_b(vec4u(k, at.y, tile.zw)); }
    }
    workgroupBarrier();
    for (var k = 0u; k < ${DEPTH}u; k++) { sum += tile_a[own.x * ${DEPTH}u + k] * tile_b[own.y * ${DEPTH}u + k]; }
    workgroupBarrier();
  }
  let at = tile.xy + own;
  if (at.x < p.out.ne.x && at.y < p.out.ne.y) { set_out(vec4u(at, tile.zw), sum); }
}`;

export const MATRIX_SHADERS: ShaderKernels = [
  [
    MUL_MAT,
    {
      unit: 'group',
      count: ({ ne }) => Math.ceil(ne[0] / SIDE) * Math.ceil(ne[1] / SIDE) * ne[2] * ne[3],
      wgsl: MUL_MAT_TEXT,
    },
  ],
];

/**
 * Functions that WGSL leaves too much freedom: sines and cosines may be wrong by 1/2048, and the hyperbolic tangent of a large
 * number may be anything.
 */

/**
 * Angles are brought to an eighth of a turn; the constants are those of Cephes, `sinf` and `cosf`. Right to seven digits up to
 * 8,192.
 */
export const TURNS = /* wgsl */ `
// The cosine and the sine of an angle.
fn turned(angle: f32) -> vec2f {
  let quarters = round(angle * 0.636619772);
  let x = ((angle - quarters * 1.5703125) - quarters * 4.8375129699707e-4) - quarters * 7.5497899549e-8;
  let square = x * x;
  let s = x + x * square * (-1.6666654611e-1 + square * (8.3321608736e-3 - square * 1.9515295891e-4));
  let c = 1.0 - 0.5 * square
    + square * square * (4.166664568e-2 - square * (1.388731625e-3 - square * 2.443315712e-5));
  let quadrant = i32(quarters) & 3;
  let swapped = select(vec2f(c, s), vec2f(s, c), (quadrant & 1) == 1);
  return swapped * vec2f(select(1.0, -1.0, quadrant == 1 || quadrant == 2), select(1.0, -1.0, quadrant >= 2));
}`;

/** Of no exponential that could be infinite. */
export const TANH_OF = /* wgsl */ `
fn tanh_of(x: f32) -> f32 { return 1.0 - 2.0 / (exp(clamp(2.0 * x, -80.0, 80.0)) + 1.0); }`;

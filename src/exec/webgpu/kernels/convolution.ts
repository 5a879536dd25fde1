/**
 * Kernels that slide: patches, direct convolutions, pooling.
 */
import { IM2COL } from '../../../dialects/ggml/ops/convolution.js';
import { CONV_2D, CONV_2D_DW } from '../../../dialects/ggml/ops/direct-convolution.js';
import { POOL_2D } from '../../../dialects/ggml/ops/resampling.js';
import { elementCount } from '../../../tensor/layout.js';
import type { Settings } from '../../settings.js';
import { floats, integers, type ShaderKernel, type ShaderKernels, type ShaderSetting } from './kernel.js';

const perElement = (wgsl: string, settings: ShaderKernel['settings']): ShaderKernel => ({
  unit: 'element',
  count: elementCount,
  wgsl,
  settings,
});

/** `p.stride_x` and so on; what slides over one dimension stands still in the other. */
function sliding(settings: Settings): ShaderSetting[] {
  const pair = (name: string, still: number): Record<string, number> => {
    const [x, y = still] = settings.numbers(name);
    return { [`${name}_x`]: x, [`${name}_y`]: y };
  };
  return integers({ ...pair('stride', 1), ...pair('padding', 0), ...pair('dilation', 1) });
}

const REACH = /* wgsl */ `
// Where element \`k\` of the kernel reads when the kernel is at \`i\`.
fn reach(i: vec2u, k: vec2u) -> vec2i {
  return vec2i(i) * vec2i(p.stride_x, p.stride_y) + vec2i(k) * vec2i(p.dilation_x, p.dilation_y)
    - vec2i(p.padding_x, p.padding_y);
}`;

/** The element of the input, or 0 where the kernel reaches beyond it. */
const PADDED = /* wgsl */ `
fn padded(at: vec2i, channel: u32, image: u32) -> f32 {
  if (any(at < vec2i()) || any(at >= vec2i(p.x.ne.xy))) { return 0.0; }
  return get_x(vec4u(vec2u(at), channel, image));
}`;

/** Over one dimension the input is `[width, channels, sequences]`, over two `[width, height, channels, images]`. */
const im2col = perElement(
  /* wgsl */ `
${REACH}
${PADDED}
fn element(i: u32) {
  let at = index_of(i, p.out.ne);
  if (p.is_flat == 0) {
    let k = index_of(at.x, p.kernel.ne);
    set_out(at, padded(reach(at.yz, k.xy), k.z, at.w));
    return;
  }
  let x = reach(vec2u(at.y, 0u), vec2u(at.x % p.kernel.ne.x, 0u)).x;
  let channel = i32(at.x / p.kernel.ne.x);
  set_out(at, padded(vec2i(x, channel), at.z, at.w));
}`,
  (settings) => [...sliding(settings), ...integers({ is_flat: settings.numbers('stride').length === 1 })],
);

/** @param channels that each output channel is summed over, and which ones */
const convolution = (channels: string, ofInput: string, ofKernel: string): ShaderKernel =>
  perElement(
    /* wgsl */ `
${REACH}
${PADDED}
fn element(i: u32) {
  let at = index_of(i, p.out.ne);
  var sum = 0.0;
  for (var channel = 0u; channel < ${channels}; channel++) {
    for (var y = 0u; y < p.kernel.ne.y; y++) {
      for (var x = 0u; x < p.kernel.ne.x; x++) {
        sum += get_kernel(vec4u(x, y, ${ofKernel}, at.z)) * padded(reach(at.xy, vec2u(x, y)), ${ofInput}, at.w);
      }
    }
  }
  set_out(at, sum);
}`,
    sliding,
  );

/** A mean counts the padding as zeros. */
const pool2d = perElement(
  /* wgsl */ `
fn element(i: u32) {
  let at = index_of(i, p.out.ne);
  let begin = vec2i(at.xy) * vec2i(p.stride_x, p.stride_y) - vec2i(p.padding_x, p.padding_y);
  let end = min(begin + vec2i(p.window_x, p.window_y), vec2i(p.a.ne.xy));
  var largest = p.lowest;
  var sum = 0.0;
  for (var y = max(begin.y, 0); y < end.y; y++) {
    for (var x = max(begin.x, 0); x < end.x; x++) {
      let value = get_a(vec4u(u32(x), u32(y), at.zw));
      largest = max(largest, value);
      sum += value;
    }
  }
  set_out(at, select(sum / f32(p.window_x * p.window_y), largest, p.is_max != 0));
}`,
  (settings) => {
    const [[windowX, windowY], [strideX, strideY], padding] = ['window', 'stride', 'padding'].map((name) =>
      settings.numbers(name),
    );
    const [paddingX, paddingY] = padding.map(Math.trunc);
    return [
      ...integers({
        window_x: windowX,
        window_y: windowY,
        stride_x: strideX,
        stride_y: strideY,
        padding_x: paddingX,
        padding_y: paddingY,
        is_max: settings.text('pooling') === 'max',
      }),
      ...floats({ lowest: -Infinity }),
    ];
  },
);

export const CONVOLUTION_SHADERS: ShaderKernels = [
  [IM2COL, im2col],
  [CONV_2D, convolution('p.kernel.ne.z', 'channel', 'channel')],
  [CONV_2D_DW, convolution('1u', 'at.z', '0u')],
  [POOL_2D, pool2d],
];

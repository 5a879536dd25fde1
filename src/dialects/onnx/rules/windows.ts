/**
 * Operations that slide a window over an image, or stretch it.
 */
import { I32, I64 } from '../element-types.js';
import { countOf } from '../elements.js';
import type { ElementType } from '../../../tensor/element-type.js';
import { shapeText } from '../model.js';
import type { Call, Rule } from '../call.js';

/** What a window does along each dimension of the image. */
interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Before and behind, for each dimension; undefined if the setting `auto_pad` decides. */
  readonly pads: readonly number[];
}

function windowOf(call: Call, kernel: readonly number[]): Window {
  const rank = kernel.length;
  const list = (name: string, length: number, fallback: number): readonly number[] => {
    const given = call.ints(name);
    if (given === undefined || given.length === 0) return Array.from({ length }, () => fallback);
    if (given.length === length && given.every((each) => each >= 0 || name === 'pads')) return given;
    return call.fail(`has ${name} ${shapeText(given)}`, `${length} numbers of at least 0 in ${name}`);
  };
  const strides = list('strides', rank, 1);
  if (strides.some((stride) => stride < 1)) call.fail(`has strides ${shapeText(strides)}`, 'strides of at least 1');
  return { kernel, strides, dilations: list('dilations', rank, 1), pads: list('pads', 2 * rank, 0) };
}

/** Lengths of the image behind a window. */
function slid(
  call: Call,
  image: readonly number[],
  { kernel, strides, dilations, pads }: Window,
  isCeil = false,
): number[] {
  const auto = call.text('auto_pad', 'NOTSET');
  return image.map((length, axis) => {
    const span = (kernel[axis] - 1) * dilations[axis] + 1;
    const stride = strides[axis];
    if (auto.startsWith('SAME')) return Math.ceil(length / stride);
    const padded = auto === 'VALID' ? length : length + pads[axis] + pads[axis + image.length];
    if (length === 0) return 0;
    if (span > padded) call.fail(`slides a window of ${span} elements over ${padded}`, `${span} elements at least`);
    const steps = (padded - span) / stride;
    if (!isCeil) return Math.floor(steps) + 1;
    const count = Math.ceil(steps) + 1;
    // A window that would begin in the padding behind the image is left out.
    const begins = auto === 'VALID' ? 0 : pads[axis];
    return (count - 1) * stride >= length + begins ? count - 1 : count;
  });
}

function convolution(image: number, weights: number, type: (call: Call) => ElementType): Rule {
  return (call) => {
    const [n, channels, ...lengths] = call.shapeOfRank(image, 2);
    const [count, perGroup, ...sizes] = call.shapeOfRank(weights, 2);
    const kernel = call.ints('kernel_shape') ?? sizes;
    const fits = kernel.length === lengths.length && perGroup * call.int('group', 1) === channels;
    if (!fits) call.fail('cannot be computed', `weights for ${channels} channels and ${lengths.length} dimensions`);
    return [{ type: type(call), shape: call.checked([n, count, ...slid(call, lengths, windowOf(call, kernel))]) }];
  };
}

const firstType = (call: Call): ElementType => call.type(0);

const convTranspose: Rule = (call) => {
  const [n, channels, ...lengths] = call.shapeOfRank(0, 3);
  const [inner, perGroup, ...sizes] = call.shapeOfRank(1, 3);
  const { kernel, strides, dilations, pads } = windowOf(call, call.ints('kernel_shape') ?? sizes);
  if (inner !== channels || kernel.length !== lengths.length) {
    call.fail('cannot be computed', `weights for ${channels} channels and ${lengths.length} dimensions`);
  }
  const wanted = call.ints('output_shape');
  const extra = call.ints('output_padding') ?? lengths.map(() => 0);
  const auto = call.text('auto_pad', 'NOTSET');
  const image = lengths.map((length, axis) => {
    if (wanted !== undefined && wanted.length > 0) return wanted[wanted.length - lengths.length + axis];
    if (auto.startsWith('SAME')) return length * strides[axis];
    const span = (kernel[axis] - 1) * dilations[axis] + 1;
    const cut = auto === 'VALID' ? 0 : pads[axis] + pads[axis + lengths.length];
    return strides[axis] * (length - 1) + extra[axis] + span - cut;
  });
  return [{ type: call.type(0), shape: call.checked([n, perGroup * call.int('group', 1), ...image]) }];
};

/** Pooling of images whose channels come first, or last. */
function pooling(second: ElementType | null, areLast: (call: Call) => boolean = () => false): Rule {
  return (call) => {
    const shape = call.shapeOfRank(0, 2);
    const isLast = areLast(call);
    const [n, channels, lengths] = isLast
      ? [shape[0], shape[shape.length - 1], shape.slice(1, -1)]
      : [shape[0], shape[1], shape.slice(2)];
    const kernel = call.ints('kernel_shape') ?? call.fail('has no window', 'the setting kernel_shape');
    if (kernel.length !== lengths.length) call.fail(`has a window ${shapeText(kernel)}`, 'one length a dimension');
    const image = slid(call, lengths, windowOf(call, kernel), call.int('ceil_mode', 0) === 1);
    const result = call.checked(isLast ? [n, ...image, channels] : [n, channels, ...image]);
    const pooled = { type: call.type(0), shape: result };
    return second === null ? [pooled] : [pooled, { type: second, shape: result }];
  };
}

const globalPooling: Rule = (call) => {
  const [n, c, ...image] = call.shapeOfRank(0, 2);
  return [{ type: call.type(0), shape: [n, c, ...image.map(() => 1)] }];
};

const quantizedGlobalPooling: Rule = (call) => {
  const shape = call.shapeOfRank(0, 3);
  const isLast = call.int('channels_last', 0) === 1;
  const kept = isLast ? [0, shape.length - 1] : [0, 1];
  return [{ type: call.type(0), shape: shape.map((dim, axis) => (kept.includes(axis) ? dim : 1)) }];
};

const maxUnpool: Rule = (call) => {
  if (call.has(2)) return [{ type: call.type(0), shape: call.checked(call.values(2)) }];
  const [n, c, ...lengths] = call.shapeOfRank(0, 3);
  const { kernel, strides, pads } = windowOf(call, call.ints('kernel_shape') ?? lengths.map(() => 1));
  const image = lengths.map((length, axis) => {
    return (length - 1) * strides[axis] + kernel[axis] - pads[axis] - pads[axis + lengths.length];
  });
  return [{ type: call.type(0), shape: call.checked([n, c, ...image]) }];
};

const regionPooling: Rule = (call) => {
  const [, channels] = call.shapeOfRank(0, 4, 4);
  const [count] = call.shapeOfRank(1, 2, 2);
  const [height, width] = call.ints('pooled_shape') ?? [call.int('output_height', 1), call.int('output_width', 1)];
  return [{ type: call.type(0), shape: call.checked([count, channels, height, width]) }];
};

const resize: Rule = (call) => {
  const { type, shape } = call.at(0);
  const isOld = call.opset < 11; // X and scales alone
  const [scaleSlot, sizeSlot] = isOld ? [1, 3] : [2, 3];
  const axes = (call.ints('axes') ?? shape.map((_, axis) => axis)).map((axis) => call.axis(axis, shape.length));
  const result = [...shape];
  const sizes = call.has(sizeSlot) ? call.values(sizeSlot) : [];
  if (sizes.length === 0) {
    const scales = call.valuesOr(scaleSlot, 'scales') ?? call.fail('has neither scales nor sizes', 'one of them');
    if (scales.length !== axes.length) call.fail(`is stretched by ${shapeText(scales)}`, 'one number a dimension');
    axes.forEach((axis, index) => (result[axis] = Math.floor(shape[axis] * Math.fround(scales[index]))));
    return [{ type, shape: call.checked(result) }];
  }
  if (sizes.length !== axes.length) call.fail(`is to have the lengths ${shapeText(sizes)}`, 'one number a dimension');
  const policy = call.text('keep_aspect_ratio_policy', 'stretch');
  const ratios = axes.map((axis, index) => sizes[index] / shape[axis]);
  const scale = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  axes.forEach((axis, index) => {
    result[axis] = policy === 'stretch' ? sizes[index] : Math.floor(scale * shape[axis] + 0.5);
  });
  return [{ type, shape: call.checked(result) }];
};

const gridSample: Rule = (call) => {
  const [n, c, ...image] = call.shapeOfRank(0, 3);
  const grid = call.shapeOfRank(1, image.length + 2, image.length + 2);
  return [{ type: call.type(0), shape: [n, c, ...grid.slice(1, -1)] }];
};

const affineGrid: Rule = (call) => {
  const [n, , ...image] = call.values(1);
  return [{ type: call.type(0), shape: call.checked([n, ...image, image.length]) }];
};

const col2Im: Rule = (call) => {
  const [n, columns] = call.shapeOfRank(0, 3, 3);
  const [image, block] = [call.values(1), call.values(2)];
  return [{ type: call.type(0), shape: call.checked([n, columns / countOf(block), ...image]) }];
};

const isLastSetting = (call: Call): boolean => call.int('channels_last', 0) === 1;

export const WINDOW_RULES: Readonly<Record<string, Rule>> = {
  AffineGrid: affineGrid,
  AveragePool: pooling(null),
  Col2Im: col2Im,
  Conv: convolution(0, 1, firstType),
  ConvInteger: convolution(0, 1, () => I32),
  ConvTranspose: convTranspose,
  DeformConv: convolution(0, 1, firstType),
  GlobalAveragePool: globalPooling,
  GlobalLpPool: globalPooling,
  GlobalMaxPool: globalPooling,
  GridSample: gridSample,
  LRN: (call) => [{ type: call.type(0), shape: call.shape(0) }],
  LpPool: pooling(null),
  MaxPool: pooling(I64),
  MaxRoiPool: regionPooling,
  MaxUnpool: maxUnpool,
  QLinearConv: convolution(0, 3, (call) => call.type(7)),
  Resize: resize,
  RoiAlign: regionPooling,
  Upsample: resize,
  'com.microsoft.FusedConv': convolution(0, 1, firstType),
  'com.microsoft.NhwcMaxPool': pooling(null, () => true),
  'com.microsoft.QLinearAveragePool': pooling(null, isLastSetting),
  'com.microsoft.QLinearConv': convolution(0, 3, (call) => call.type(7)),
  'com.microsoft.QLinearGlobalAveragePool': quantizedGlobalPooling,
};

/**
 * Settings that are missing or of the wrong kind: every operation refuses them by name, and says what to do instead.
 */
import { describe, expect, it } from 'vitest';
import { Context } from '../../../src/dialects/ggml/context.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import { expectError } from '../../support/expect-error.js';

/** Whatever a caller without a compiler may pass. */
const bad = (value: unknown): never => value as never;

const ctx = Context.deferred();
const f32 = (...ne: number[]): Tensor => ctx.newTensor('f32', ne, 'x');
const x = f32(8, 4);
const positions = ctx.newTensor('i32', [4], 'positions');
const heads = f32(8, 2, 4);
const state = f32(4, 4, 2);

/** One setting each, which takes a finite number and nothing else. */
const NUMBERS: readonly (readonly [culprit: string, call: (value: never) => Tensor])[] = [
  ['SCALE: scale', (value) => ctx.scale(x, value)],
  ['LEAKY_RELU: negativeSlope', (value) => ctx.leakyRelu(x, value)],
  ['XIELU: alphaN', (value) => ctx.xielu(x, value, 1, 1, 1)],
  ['XIELU: alphaP', (value) => ctx.xielu(x, 1, value, 1, 1)],
  ['XIELU: beta', (value) => ctx.xielu(x, 1, 1, value, 1)],
  ['XIELU: eps', (value) => ctx.xielu(x, 1, 1, 1, value)],
  ['SWIGLU_OAI: alpha', (value) => ctx.swigluOai(x, x, value, 7)],
  ['SWIGLU_OAI: limit', (value) => ctx.swigluOai(x, x, 1.7, value)],
  ['ARANGE: start', (value) => ctx.arange(value, 4)],
  ['ARANGE: stop', (value) => ctx.arange(0, value)],
  ['RMS_NORM_BACK: eps', (value) => ctx.rmsNormBack(x, x, value)],
  ['NORM: eps', (value) => ctx.norm(x, value)],
  ['GATED_LINEAR_ATTN: scale', (value) => ctx.gatedLinearAttn(state, state, state, state, f32(32), value)],
];

/** The same of options, which may be left out. */
const OPTIONAL_NUMBERS: typeof NUMBERS = [
  ['ARANGE: step', (step) => ctx.arange(0, 4, step)],
  ['TIMESTEP_EMBEDDING: maxPeriod', (maxPeriod) => ctx.timestepEmbedding(f32(3), 4, maxPeriod)],
  ['ROPE: freqBase', (freqBase) => ctx.rope(heads, positions, 8, { freqBase })],
  ['ROPE: freqScale', (freqScale) => ctx.rope(heads, positions, 8, { freqScale })],
  ['ROPE: extFactor', (extFactor) => ctx.rope(heads, positions, 8, { extFactor })],
  ['ROPE: attnFactor', (attnFactor) => ctx.rope(heads, positions, 8, { attnFactor })],
  ['ROPE: betaFast', (betaFast) => ctx.rope(heads, positions, 8, { betaFast })],
  ['ROPE: betaSlow', (betaSlow) => ctx.rope(heads, positions, 8, { betaSlow })],
  ['ROPE_BACK: originalContext', (value) => ctx.ropeBack(heads, positions, 8, { originalContext: value })],
  ['SOFT_MAX: scale', (scale) => ctx.softMax(x, { scale })],
  ['SOFT_MAX: maxBias', (maxBias) => ctx.softMax(x, { maxBias })],
  ['SOFT_MAX_BACK: scale', (scale) => ctx.softMaxBack(x, x, { scale })],
  ['FLASH_ATTN_EXT: logitSoftcap', (value) => ctx.flashAttn(x, x, x, { logitSoftcap: value })],
];

describe('a setting that is a number', () => {
  it.each([...NUMBERS, ...OPTIONAL_NUMBERS])('%s', (culprit, call) => {
    for (const value of [NaN, Infinity, -Infinity, '2', null, {}, [2], 2n, true]) {
      expectError('BAD_ARGUMENT', culprit, () => call(bad(value)));
    }
  });

  it.each(NUMBERS)('%s is not left out', (culprit, call) => {
    const error = expectError('BAD_ARGUMENT', culprit, () => call(bad(undefined)));
    expect(error.message).toContain(`${culprit} is missing; it must be a`);
  });

  it.each(OPTIONAL_NUMBERS)('%s may be left out', (_, call) => {
    expect(() => call(bad(undefined))).not.toThrow();
  });

  it('does not print operands as objects', () => {
    const error = expectError('BAD_ARGUMENT', 'ARANGE: start', () => bad(ctx.arange(bad(x), bad(undefined))));
    expect(error.message).toContain('ARANGE: start is a Tensor, but must be a finite number.');
  });
});

describe('bounds', () => {
  it('are numbers in order, which may be infinite outwards', () => {
    for (const value of [undefined, NaN, '1', null, {}, Infinity]) {
      expectError('BAD_ARGUMENT', 'CLAMP: min', () => ctx.clamp(x, bad(value), 1));
    }
    for (const value of [undefined, NaN, '1', null, {}, -Infinity]) {
      expectError('BAD_ARGUMENT', 'CLAMP: max', () => ctx.clamp(x, 1, bad(value)));
    }
    const error = expectError('BAD_ARGUMENT', 'CLAMP: max', () => ctx.clamp(x, 5, 1));
    expect(error.message).toContain('CLAMP: max is 1, but must be at least the min, 5.');
    expect(ctx.clamp(x, -Infinity, Infinity).params).toEqual({ min: null, max: null });
    expect(ctx.clamp(x, 1, 1).params).toEqual({ min: 1, max: 1 });
  });

  it('are what `fill` and the bias of `scale` take too, on either side', () => {
    for (const value of [NaN, '1', null, {}, 1n]) {
      expectError('BAD_ARGUMENT', 'SCALE: bias', () => ctx.scale(x, 2, { bias: bad(value) }));
    }
    for (const bias of [0, Infinity, -Infinity]) expect(ctx.scale(x, 2, { bias }).params).toEqual({ scale: 2, bias });
    for (const value of [undefined, NaN, '1', null, {}, 1n]) {
      expectError('BAD_ARGUMENT', 'FILL: value', () => ctx.fill(x, bad(value)));
    }
    for (const value of [0, Infinity, -Infinity]) expect(ctx.fill(x, value).params).toEqual({ value });
  });
});

describe('lists of integers', () => {
  it.each<readonly [string, (value: never) => Tensor]>([
    ['PAD: after', (after) => ctx.pad(x, after)],
    ['PAD: before', (before) => ctx.pad(x, [1], { before })],
    ['ROLL: shifts', (shifts) => ctx.roll(x, shifts)],
    ['ROPE: sections', (sections) => ctx.rope(heads, positions, 8, { sections })],
  ])('%s', (culprit, call) => {
    for (const value of [3, '12', {}, [1, 2, 3, 4, 5], ['1', 0, 0, 0], [0.5, 0, 0, 0]]) {
      expectError('BAD_ARGUMENT', culprit, () => call(bad(value)));
    }
  });

  it('are not left out', () => {
    expect(() => ctx.pad(x, bad(undefined))).toThrow(/^PAD: after is missing; it must be a list of at most four int/);
    expect(() => ctx.roll(x, bad(undefined))).toThrow(/^ROLL: shifts is missing/);
  });

  it.each<readonly [string, (value: never) => Tensor]>([
    ['POOL_1D: window', (window) => ctx.pool1d(x, 'max', window)],
    ['POOL_2D: window', (window) => ctx.pool2d(x, 'max', window)],
    ['POOL_2D_BACK: window', (window) => ctx.pool2dBack(x, x, 'max', window)],
    ['POOL_2D: stride', (stride) => ctx.pool2d(x, 'max', 2, { stride: stride ?? bad(null) })],
    ['POOL_2D: padding', (padding) => ctx.pool2d(x, 'max', 2, { padding: padding ?? bad(null) })],
    ['IM2COL: dilation', (dilation) => ctx.im2col(f32(1, 4), x, 1, 'f16', { dilation: dilation ?? bad(null) })],
  ])('%s may be one number', (culprit, call) => {
    for (const value of [undefined, null, '2', {}, true, 2n]) {
      const error = expectError('BAD_ARGUMENT', culprit, () => call(bad(value)));
      expect(error.limit).toMatch(/^a number, or a list of [12]$/);
    }
  });

  it('are as many as the rank says', () => {
    for (const rank of [undefined, '2', 2.5, 3, null]) {
      expectError('BAD_ARGUMENT', 'IM2COL: rank', () => ctx.im2col(x, x, bad(rank), 'f16'));
      expectError('BAD_ARGUMENT', 'IM2COL_BACK: rank', () => ctx.im2colBack(x, x, [4], bad(rank)));
    }
  });
});

describe('flags', () => {
  it.each<readonly [string, (value: never) => Tensor]>([
    ['RELU: inPlace', (inPlace) => ctx.relu(x, { inPlace })],
    ['SCALE: inPlace', (inPlace) => ctx.scale(x, 2, { inPlace })],
    ['SOFT_MAX: inPlace', (inPlace) => ctx.softMax(x, { inPlace })],
    ['SOFT_MAX_BACK: inPlace', (inPlace) => ctx.softMaxBack(x, x, { inPlace })],
    ['ROPE: inPlace', (inPlace) => ctx.rope(heads, positions, 8, { inPlace })],
    ['SWIGLU: swapped', (swapped) => ctx.swiglu(x, null, { swapped })],
    ['PAD: circular', (circular) => ctx.pad(x, [1], { circular })],
    ['UPSCALE: alignCorners', (alignCorners) => ctx.upscale(x, 2, { alignCorners })],
    ['UPSCALE: antialias', (antialias) => ctx.upscale(x, 2, { antialias, mode: 'bilinear' })],
  ])('%s', (culprit, call) => {
    for (const value of ['true', 1, {}]) expectError('BAD_ARGUMENT', culprit, () => call(bad(value)));
    for (const value of [true, false, undefined]) expect(() => call(bad(value))).not.toThrow();
  });
});

describe('options of operations', () => {
  it('are what is wrong where they are no object', () => {
    const error = expectError('BAD_ARGUMENT', 'options of RELU', () => ctx.relu(x, bad(true)));
    expect(error.message).toContain('The options of `RELU` must be an object, not true.');
    for (const options of [5, 'x', null, []]) {
      expectError('BAD_ARGUMENT', 'options of SCALE', () => ctx.scale(x, 2, bad(options)));
      expectError('BAD_ARGUMENT', 'options of CONV_2D', () => ctx.conv2dDirect(x, x, bad(options)));
      expectError('BAD_ARGUMENT', 'options of CUSTOM', () => ctx.custom([x], bad(options)));
    }
  });
});

describe('operands that a method reads before its operation does', () => {
  it.each<readonly [string, (value: never) => Tensor]>([
    ['UPSCALE: a', (a) => ctx.upscale(a, 2)],
    ['ARGSORT: a', (a) => ctx.argsortTopK(a, 1)],
    ['IM2COL: kernel', (kernel) => ctx.conv1d(kernel, x)],
    ['IM2COL: x', (a) => ctx.conv1dDepthwise(x, a)],
    ['IM2COL: x', (a) => ctx.conv2d(x, a)],
    ['IM2COL: kernel', (kernel) => ctx.conv2dDepthwise(kernel, x)],
    ['IM2COL_3D: x', (a) => ctx.conv3d(x, a, 1)],
    ['CONV_3D: kernel', (kernel) => ctx.conv3dDirect(kernel, x, 1)],
  ])('%s', (culprit, call) => {
    for (const value of [undefined, null, 5, {}]) expectError('BAD_OPERAND', culprit, () => call(bad(value)));
  });
});

describe('remedies', () => {
  const remedyOf = (culprit: string, call: () => unknown): string => expectError('BAD_OPERAND', culprit, call).remedy;

  it('of axes are axes', () => {
    const remedy = remedyOf('PERMUTE: axes', () => ctx.permute(x, bad([1, 0])));
    expect(remedy).toBe('Give the new places of all four dimensions, those of length 1 too.');
  });

  it('of destinations are other destinations', () => {
    const result = ctx.sqr(x);
    const itself = expectError('BAD_OPERAND', 'setOutput: destination', () => ctx.setOutput(result, result));
    expect(itself.message).toContain('setOutput: destination is SQR itself, but must be in another storage. Leave');
    ctx.setOutput(result, ctx.newTensor('f32', [8, 4]));
    const twice = remedyOf('setOutput: tensor', () => ctx.setOutput(result, ctx.newTensor('f32', [8, 4])));
    expect(twice).toBe('A result has one destination: go on with the tensor that the first call returned.');
    expect(remedyOf('setOutput: tensor', () => ctx.setOutput(x, f32(8, 4)))).toContain('cpy()');
    expect(remedyOf('setOutput: destination', () => ctx.setOutput(ctx.sqr(x), f32(9)))).toContain('Give a view of');
  });

  it('of operations that cannot run in place leave the option out', () => {
    const remedy = remedyOf('ARGSORT: in-place operand', () =>
      Reflect.apply(Reflect.get(ctx, 'apply') as () => unknown, ctx, [
        ctx.argsort(x).operation,
        [x],
        { order: 'asc' },
        { inPlace: true },
      ]),
    );
    expect(remedy).toBe('Leave the option inPlace out.');
  });

  it('of moments that do not last are lasting ones', () => {
    const remedy = remedyOf('OPT_STEP_ADAMW: firstMoment', () => ctx.optStepAdamw(x, x, x, x, f32(7)));
    expect(remedy).toBe('Make it in an immediate or virtual context.');
  });
});

describe('integers', () => {
  it('are what a view starts at', () => {
    for (const [offset, shown] of [
      [1.5, '1.5'],
      [-4, '-4'],
      ['4', '"4"'],
      [4n, '4n'],
    ]) {
      const error = expectError('BAD_VIEW', 'VIEW of x', () => ctx.view(x, [2], [], bad(offset)));
      expect(error.message).toContain(`starts at byte ${String(shown)} of its storage, but must start at an integer`);
    }
  });

  it('are no bigints, which print as such', () => {
    expect(() => ctx.view(x, [2], [bad(4n)])).toThrow('VIEW: nb is [4n], but must be a list of integers.');
    expect(() => ctx.newTensor('f32', [bad(4n)])).toThrow('are [4n], but must be one to four integers');
    expect(() => ctx.topK(x, bad(2n))).toThrow('TOP_K: k is 2n, but must be an integer of at least 0.');
  });
});

describe('names of several results', () => {
  const results = [
    { type: 'f32', ne: [2] },
    { type: 'i32', ne: [2], name: 'ids' },
  ] as const;

  it('come from the node, or else from the operation', () => {
    const names = (options: object): string[] =>
      ctx.customResults([x], { ...options, results }).map(({ name }) => name);
    expect(names({})).toEqual(['CUSTOM [0]', 'ids']);
    expect(names({ op: 'TOP_TWO' })).toEqual(['TOP_TWO [0]', 'ids']);
    expect(names({ op: 'TOP_TWO', name: 'best' })).toEqual(['best [0]', 'ids']);
  });
});

describe('names', () => {
  it('are text, wherever a tensor is given one', () => {
    for (const name of [5, null, {}, ['x']]) {
      expectError('BAD_ARGUMENT', 'name', () => ctx.newTensor('f32', [4], bad(name)));
      expectError('BAD_ARGUMENT', 'name', () => ctx.custom([x], { type: 'f32', ne: [4], name: bad(name) }));
      const results = [{ type: 'f32', ne: [2], name: bad(name) }] as const;
      expectError('BAD_ARGUMENT', 'CUSTOM: results[0].name', () => ctx.customResults([x], { results }));
    }
  });
});

describe('dependency', () => {
  it('takes two tensors, and says how to chain them', () => {
    const error = expectError('BAD_ARGUMENT', 'DEPENDENCY: number of operands', () => ctx.dependency(x, x, bad(x)));
    expect(error.message).toContain('DEPENDENCY: number of operands is 3, but must be 2. Chain them: dependency(dep');
    expect(ctx.dependency(ctx.dependency(x, f32(1)), f32(1)).op).toBe('DEPENDENCY');
  });
});

/**
 * Patches and pooling. The kernel of a patch operation counts by its shape alone.
 */
import { IM2COL, IM2COL_BACK } from '../../dialects/ggml/ops/convolution.js';
import { POOL_2D, type Pooling } from '../../dialects/ggml/ops/resampling.js';
import { asGgml, asTextbook, type GradientRule } from '../rule.js';
import type { Site } from '../site.js';

function slidingOf(s: Site): { rank: 1 | 2; options: Record<'stride' | 'padding' | 'dilation', readonly number[]> } {
  const [stride, padding, dilation] = [s.numbers('stride'), s.numbers('padding'), s.numbers('dilation')];
  return { rank: stride.length === 1 ? 1 : 2, options: { stride, padding, dilation } };
}

function patches(s: Site): void {
  s.add(1, () => {
    const { rank, options } = slidingOf(s);
    return s.context.im2colBack(s.operand(0), s.gradient, s.operand(1).ne, rank, options);
  });
}

function patchesBack(s: Site): void {
  s.add(0, () => {
    const { rank, options } = slidingOf(s);
    return s.context.im2col(s.operand(1), s.gradient, rank, 'f32', options);
  });
}

function pooled(s: Site): void {
  s.add(0, () => {
    const options = { stride: s.numbers('stride'), padding: s.numbers('padding') };
    return s.context.pool2dBack(s.gradient, s.operand(0), s.text('pooling') as Pooling, s.numbers('window'), options);
  });
}

export const CONVOLUTION_RULES: readonly GradientRule[] = [
  asGgml(IM2COL, patches, [0]),
  asGgml(POOL_2D, pooled),
  asTextbook(IM2COL_BACK, patchesBack, [1]),
];

/**
 * Losses.
 */
import { CROSS_ENTROPY_LOSS } from '../../dialects/ggml/ops/training.js';
import { asGgml, type GradientRule } from '../rule.js';
import type { Site } from '../site.js';

function crossEntropy(s: Site): void {
  if (s.needs(1)) s.refuse('its labels need one', 'labels that need no gradient', 'Leave the labels out of wrt.');
  s.add(0, () => s.context.crossEntropyLossBack(s.gradient, s.operand(0), s.operand(1)));
}

export const TRAINING_RULES: readonly GradientRule[] = [asGgml(CROSS_ENTROPY_LOSS, crossEntropy)];

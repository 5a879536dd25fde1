/**
 * Views: the gradient is looked at the other way round, or added to the part that was looked at.
 */
import { DEPENDENCY, PERMUTE, RESHAPE, TRANSPOSE, VIEW } from '../../dialects/ggml/ops/views.js';
import { isContiguous, type Dims4 } from '../../tensor/layout.js';
import { asGgml, asTextbook, type GradientRule } from '../rule.js';
import type { Site } from '../site.js';

/** The gradient is f32 and contiguous whatever the operand is, so that bytes of the view become elements on the way. */
function view(s: Site): void {
  if (!s.needs(0)) return;
  const [of, { node, gradient }] = [s.operand(0), s];
  if (!isContiguous(of)) {
    const value = `it looks into ${of.label}, whose elements do not follow each other`;
    s.refuse(value, 'a view of a contiguous tensor', 'Apply cont() to the tensor first.');
  }
  const size = of.type.blockBytes;
  const [, nb1, nb2, nb3] = node.nb.map((bytes) => (bytes / size) * 4);
  s.accumulate(0, () => gradient, [nb1, nb2, nb3], ((node.viewOffset - of.viewOffset) / size) * 4);
}

function permute(s: Site): void {
  s.add(0, () => {
    const axes = s.numbers('axes');
    return s.context.permute(s.gradient, [0, 1, 2, 3].map((axis) => axes.indexOf(axis)) as unknown as Dims4);
  });
}

export const VIEW_RULES: readonly GradientRule[] = [
  asGgml(RESHAPE, (s) => s.add(0, () => s.context.reshape(s.contiguous(s.gradient), s.operand(0).ne))),
  asGgml(VIEW, view),
  asGgml(PERMUTE, permute),
  asGgml(TRANSPOSE, (s) => s.add(0, () => s.context.transpose(s.gradient))),
  asTextbook(DEPENDENCY, (s) => s.add(0, () => s.gradient), [1]),
];

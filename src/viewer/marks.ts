/**
 * Outlines over a picture: of boxes, and of what had the same bytes before and after them.
 */
import { element } from '../map/svg.js';
import type { MapWindow, Scale } from '../map/scale.js';
import type { FoundBox } from './map-source.js';

/** Outlines with an edge below this many pixels would not be seen. */
const LEAST_EDGE = 2;

/** The outlines as SVG of the size of the picture. */
export function drawMarks(
  boxes: readonly FoundBox[],
  scale: Scale,
  size: { readonly width: number; readonly height: number },
): string {
  const outline = ({ steps, bytes }: MapWindow, style: string): string => {
    const [x, y] = [scale.x(steps.from), scale.y(bytes.to)];
    const width = Math.max(LEAST_EDGE, scale.x(steps.to) - x);
    const height = Math.max(LEAST_EDGE, scale.y(bytes.from) - y);
    return element('rect', { class: style, x, y, width, height });
  };
  const outlines = boxes.flatMap(({ area, chain }) => [
    ...chain.map((each) => outline(each, 'ta-related')),
    outline(area, 'ta-select'),
  ]);
  const { x, y, width, height } = scale.plot;
  const plot = element('rect', { x: x - 1, y: y - 1, width: width + 2, height: height + 2 });
  return element(
    'svg',
    { class: 'ta-map', ...size, 'aria-hidden': 'true' },
    element('clipPath', { id: 'tav-plot' }, plot),
    element('g', { 'clip-path': 'url(#tav-plot)' }, ...outlines),
  );
}

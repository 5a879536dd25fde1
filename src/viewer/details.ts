/**
 * What there is to say about a box, as pairs of a term and its value.
 */
import { exactBytes, groupDigits } from '../format.js';
import { chunkName, deviceAt, stepName, type MemoryMap } from '../map/memory-map.js';

const MOST_VIEWS = 4;

/** Terms and values, in reading order; what is unknown is left out. */
export function detailsOf(map: MemoryMap, index: number): (readonly [string, string])[] {
  const { boxes, chunks } = map;
  const { op, type, shape, size, chunk, offset, start, end, reuses, reusedBy, views } = boxes[index];
  const shares = [
    ...(reuses === -1 ? [] : [`overwrites ${boxes[reuses].name}`]),
    ...(reusedBy === -1 ? [] : [`overwritten by ${boxes[reusedBy].name}`]),
    ...views.slice(0, MOST_VIEWS).map((view) => `${view.name} (${view.op.toLowerCase()})`),
    ...(views.length > MOST_VIEWS ? [`${groupDigits(views.length - MOST_VIEWS)} more views`] : []),
  ];
  const rows: (readonly [string, string])[] = [
    ['operation', op === 'NONE' ? 'none: a leaf' : op],
    ['computed by', op === '' || op === 'NONE' ? '' : (deviceAt(map, start) ?? '')],
    ['type', type],
    ['shape', shape.join(' × ')],
    ['bytes', exactBytes(size)],
    ['live range', `[${groupDigits(stepName(map, start))}, ${groupDigits(stepName(map, end))}) steps`],
    ['offset', `${exactBytes(offset)}${chunks.length > 1 ? ` in ${chunkName(map, chunk)}` : ''}`],
    ['shares with', shares.join(', ')],
  ];
  return rows.filter(([, value]) => value !== '');
}

/**
 * The lane below the plot: which device computes each step.
 *
 *     │ plot        │
 *     └─────────────┘
 *     ▐CPU▌▐ CUDA0 ▌     one run after the other, in the colours of the devices
 *
 * Invariant: a run that is drawn is where its steps are; what is narrower than a fraction of a pixel may be left out, so
 * that the lane's size depends on pixels, not on runs.
 */
import type { MapDevices, MapRun, MemoryMap } from './memory-map.js';
import type { Scale } from './scale.js';
import { element, px, text, textWidth } from './svg.js';
import { deviceClass } from './theme.js';

/** Pixels between plot and lane, and those of the lane itself. */
const GAP = 4;
const HEIGHT = 14;
const NAME_SIZE = 11;
/** Runs that end within so many pixels of the one before are not drawn again. */
const LEAST_WIDTH = 0.25;

/** Pixels that the lane takes below the plot. */
export function laneHeight({ devices }: Pick<MemoryMap, 'devices'>): number {
  return devices === undefined ? 0 : GAP + HEIGHT;
}

/** The lane as markup; empty without devices. */
export function drawLane({ devices }: MemoryMap, scale: Scale): string {
  if (devices === undefined) return '';
  const top = scale.plot.y + scale.plot.height + GAP;
  const areas = devices.names.map((_, device) => {
    return element('path', { class: deviceClass(devices, device), d: pathOf(devices, device, scale, top) });
  });
  return [...areas, ...namesOf(devices, scale, top)].join('');
}

function pathOf({ runs }: MapDevices, device: number, scale: Scale, top: number): string {
  let edge = -Infinity;
  let path = '';
  for (const run of runs) {
    if (run.device !== device) continue;
    const { left, right } = visible(run, scale);
    if (right - Math.max(left, edge) < LEAST_WIDTH) continue;
    path += `M${px(left)} ${px(top)}h${px(right - left)}v${HEIGHT}h${px(left - right)}z`;
    edge = right;
  }
  return path;
}

/** The names of devices in all runs that have room for them. */
function namesOf({ names, runs }: MapDevices, scale: Scale, top: number): string[] {
  return runs.flatMap((run) => {
    const { left, right } = visible(run, scale);
    const name = names[run.device];
    if (right - left < textWidth(name, NAME_SIZE) + 4) return [];
    const place = { x: (left + right) / 2, y: top + HEIGHT - 3, 'text-anchor': 'middle' };
    return [text(name, { class: 'ta-ink ta-small', ...place })];
  });
}

/** Where a run is within the plot; without width if it is outside. */
function visible({ start, end }: MapRun, scale: Scale): { left: number; right: number } {
  const { x, width } = scale.plot;
  const within = (at: number): number => Math.min(Math.max(at, x), x + width);
  return { left: within(scale.x(start)), right: within(scale.x(end)) };
}

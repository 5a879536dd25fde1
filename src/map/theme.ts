/**
 * Colours, light and dark. Fills are pale on white and deep on black, so that names on them, in the ink of the theme,
 * have a contrast of at least 4.5 to 1, but never so near to the surface that what is small would fade into it. Families
 * differ in lightness as well as in hue.
 */
import { MAP_FAMILIES, type MapDevices, type MapFamily } from './memory-map.js';

/** `auto` follows the reader's system. */
export type MapTheme = 'auto' | 'light' | 'dark';

export const MAP_THEMES: readonly MapTheme[] = ['auto', 'light', 'dark'];

/** What a rectangle's colour says. */
export type MapColors = 'family' | 'size';

export const MAP_COLORS: readonly MapColors[] = ['family', 'size'];

/** How many classes of size the colours tell apart. */
export const SIZE_CLASSES = 6;

interface Palette {
  readonly families: Readonly<Record<MapFamily, string>>;
  /** From small to large, one for each class. */
  readonly sizes: readonly string[];
  /** Of devices, the first ones; more begin again. */
  readonly devices: readonly string[];
  readonly host: string;
  readonly surface: string;
  readonly ink: string;
  readonly muted: string;
  readonly grid: string;
  readonly peak: string;
  readonly bound: string;
}

const LIGHT: Palette = {
  families: {
    input: '#ecbc9c',
    matrix: '#83bdf8',
    attention: '#b99bed',
    norm: '#7fe0c7',
    'element-wise': '#f4d078',
    copy: '#afbfd5',
    convolution: '#f18db5',
    recurrence: '#90d281',
    other: '#cfd1d5',
  },
  sizes: ['#dccb6a', '#b9d070', '#8bcf98', '#68c0b3', '#55a8bd', '#4a8fc6'],
  devices: ['#f4a261', '#74c7e3', '#d08fd8', '#a3cf62'],
  host: '#c6ccd4',
  surface: '#ffffff',
  ink: '#16202c',
  muted: '#566271',
  grid: '#e7eaee',
  peak: '#b3261e',
  bound: '#00695c',
};

const DARK: Palette = {
  families: {
    input: '#875f43',
    matrix: '#295e90',
    attention: '#5f3f8b',
    norm: '#0f6a59',
    'element-wise': '#7b610c',
    copy: '#546273',
    convolution: '#873259',
    recurrence: '#327024',
    other: '#5d636d',
  },
  sizes: ['#5e581e', '#4c6428', '#2f6641', '#1f6a5f', '#1a6a80', '#2f67a3'],
  devices: ['#97541a', '#1f6a86', '#7b3f8c', '#4a7022'],
  host: '#4b5563',
  surface: '#10151b',
  ink: '#eef2f7',
  muted: '#a3afbd',
  grid: '#252d37',
  peak: '#ff8a80',
  bound: '#5fd6c3',
};

/** The class of a rectangle's colour: a family, or a size from 0 for small. */
export type Fill = MapFamily | number;

/** All fills for a way of colouring, in the order of the legend. */
export function fillsOf(colors: MapColors): readonly Fill[] {
  return colors === 'family' ? MAP_FAMILIES : Array.from({ length: SIZE_CLASSES }, (_, size) => size);
}

/** The name of the CSS class of a fill. */
export function fillClass(fill: Fill): string {
  return `ta-${typeof fill === 'number' ? `size-${fill}` : fill}`;
}

/** How many colours of devices there are. */
const DEVICE_COLORS = LIGHT.devices.length;

/** The name of the CSS class of a device; the last one is the host. */
export function deviceClass({ names }: Pick<MapDevices, 'names'>, device: number): string {
  return `ta-device-${device === names.length - 1 ? 'host' : device % DEVICE_COLORS}`;
}

/** The style sheet of a picture; all names start with `ta-`, so that a page around it is left alone. */
export function styleSheet(theme: MapTheme, colors: MapColors): string {
  const fills = fillsOf(colors);
  if (theme === 'dark') return SHAPES + rules(DARK, fills);
  const light = SHAPES + rules(LIGHT, fills);
  return theme === 'light' ? light : `${light}@media (prefers-color-scheme:dark){${rules(DARK, fills)}}`;
}

/** Plain rules for each class, no CSS variables: viewers other than browsers do not know them. */
function rules(palette: Palette, fills: readonly Fill[]): string {
  const { surface, ink, muted, grid, peak, bound } = palette;
  const lines = fills.map((fill) => {
    const color = typeof fill === 'number' ? palette.sizes[fill] : palette.families[fill];
    return `.${fillClass(fill)}{fill:${color}}.${fillClass(fill)}.ta-name{stroke:${color}}`;
  });
  const devices = palette.devices.map((color, index) => `.ta-device-${index}{fill:${color}}`);
  return [
    ...lines,
    ...devices,
    `.ta-device-host{fill:${palette.host}}`,
    `.ta-surface{fill:${surface}}.ta-box{stroke:${surface}}.ta-ink,.ta-name{fill:${ink}}`,
    `.ta-muted{fill:${muted}}.ta-grid{stroke:${grid}}.ta-axis,.ta-chunk{stroke:${muted}}.ta-frame{stroke:${grid}}`,
    `.ta-load{stroke:${ink}}.ta-halo{stroke:${surface}}.ta-peak{stroke:${peak}}.ta-bound{stroke:${bound}}`,
    `.ta-peak-text{fill:${peak}}.ta-bound-text{fill:${bound}}.ta-seam{stroke:${ink}}.ta-arrow{fill:${ink}}`,
    `.ta-hatch{stroke:${ink}}.ta-select{stroke:${ink}}.ta-related{stroke:${peak}}`,
  ].join('');
}

const SHAPES = [
  `.ta-map{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-size:12px}`,
  `.ta-title{font-size:17px;font-weight:600}.ta-small{font-size:11px}.ta-strong{font-weight:600}`,
  `.ta-name{font-size:11px;stroke-width:2.5px;paint-order:stroke;stroke-linejoin:round}`,
  `.ta-load,.ta-halo,.ta-frame,.ta-seam,.ta-select,.ta-related{fill:none}.ta-load{stroke-width:1.5px}`,
  `.ta-halo{stroke-width:3.5px;stroke-opacity:.7}.ta-load,.ta-halo{stroke-linejoin:round}`,
  `.ta-peak{stroke-width:1.5px}.ta-bound{stroke-width:1.5px;stroke-dasharray:7 4}.ta-step{stroke-width:1px;stroke-dasharray:2 3}`,
  `.ta-seam{stroke-dasharray:2 2;stroke-opacity:.65}.ta-hatch{stroke-opacity:.3}.ta-chunk{stroke-dasharray:1 2}`,
  `.ta-select{stroke-width:2.5px}.ta-related{stroke-width:2px;stroke-dasharray:3 2}`,
].join('');

/**
 * Settings and example as the part of the address after `#`, and back.
 *
 * Invariant: whatever a link says, the result is valid; what it does not say, or says wrongly, is the default.
 */
import { CACHE_TYPES } from 'tensor-arena/models';
import { kindOf, type Kind } from './examples.js';
import { CPU_ONLY, isMachine } from './machines.js';
import {
  ALLOCATOR_NAMES,
  DEFAULTS,
  IN_PLACE_CHOICES,
  LIMITS,
  MOST_LENGTH,
  MACHINE_KEYS,
  MODEL_ALLOCATORS,
  PROGRAM_NAMES,
  type Settings,
} from './settings.js';

/** What a link asks for. */
export interface Link {
  /** Name of a file that comes with the page. */
  readonly example: string | null;
  /** Name of a file that only the reader has. */
  readonly file: string | null;
  readonly settings: Settings;
}

/** Which settings matter for a kind of file. */
const KEYS_OF: Readonly<Record<Kind, readonly Exclude<keyof Settings, 'dims'>[]>> = {
  model: [
    ...(['program', 'sequences', 'unified', 'outputs', 'context', 'ubatch'] as const),
    ...(['keyType', 'valueType', 'flashAttention', 'modelAllocator', 'memory', 'reserve'] as const),
  ],
  graph: ['allocator', 'inPlace', 'memory', 'reserve'],
  problem: ['allocator', 'memory', 'reserve'],
};

/** Settings that need not be whole numbers. */
const GIBIBYTES: ReadonlySet<string> = new Set(['memory', 'reserve', 'margin']);

/** Whether a text has shares of layers, not all of them zero. */
function isSplit(text: string): boolean {
  return /^\d{1,5}(,\d{1,5}){0,14}$/.test(text) && /[1-9]/.test(text);
}

/** What the names of open lengths stand behind. */
const DIM = 'dim.';

/** The hash, with its `#`. Settings that make no difference to the file are left out. */
export function formatLink({ example, file, settings }: Link): string {
  const name = example ?? file;
  if (name === null) return '';
  const parameters = new URLSearchParams([[example === null ? 'file' : 'example', name]]);
  const kind = kindOf(name) ?? 'model';
  const hasMachine = kind === 'model' && settings.machine !== CPU_ONLY;
  for (const key of [...KEYS_OF[kind], ...(hasMachine ? MACHINE_KEYS : [])]) parameters.set(key, String(settings[key]));
  if (kind === 'graph') {
    for (const [name, length] of Object.entries(settings.dims)) parameters.set(`${DIM}${name}`, String(length));
  }
  return `#${parameters}`;
}

export function parseLink(hash: string): Link {
  const parameters = new URLSearchParams(hash.replace(/^#/, ''));
  const number = <K extends keyof typeof LIMITS>(key: K, least: number): number | Settings[K] => {
    const text = parameters.get(key) ?? '';
    const value = /^\d{1,10}(\.\d+)?(e-\d{1,3})?$/.test(text) ? Number(text) : NaN;
    const isWhole = GIBIBYTES.has(key) || Number.isInteger(value);
    return isWhole && value >= least && value <= LIMITS[key] ? value : DEFAULTS[key];
  };
  const text = (key: 'machine' | 'split', isValid: (value: string) => boolean): string => {
    const value = parameters.get(key) ?? '';
    return isValid(value) ? value : DEFAULTS[key];
  };
  const choice = <T extends string>(key: keyof Settings, choices: readonly T[]): T =>
    choices.find((each) => each === parameters.get(key)) ?? (DEFAULTS[key] as T);
  return {
    example: parameters.get('example'),
    file: parameters.get('file'),
    settings: {
      program: choice('program', PROGRAM_NAMES),
      sequences: number('sequences', 0),
      unified: parameters.get('unified') === 'true',
      outputs: number('outputs', 0),
      context: number('context', 0),
      ubatch: number('ubatch', 1),
      keyType: choice('keyType', CACHE_TYPES),
      valueType: choice('valueType', CACHE_TYPES),
      flashAttention: parameters.get('flashAttention') !== 'false',
      modelAllocator: choice('modelAllocator', MODEL_ALLOCATORS),
      allocator: choice('allocator', ALLOCATOR_NAMES),
      inPlace: choice('inPlace', IN_PLACE_CHOICES),
      dims: lengthsOf(parameters),
      memory: number('memory', 0),
      reserve: number('reserve', 0),
      machine: text('machine', isMachine),
      layers: number('layers', 0),
      hostExperts: number('hostExperts', 0),
      split: text('split', isSplit),
      cards: number('cards', 0),
      kvOffload: parameters.get('kvOffload') !== 'false',
      margin: number('margin', 0),
    },
  };
}

/** The lengths that a link says, by name. */
function lengthsOf(parameters: URLSearchParams): Record<string, number> {
  const lengths: Record<string, number> = {};
  for (const [key, text] of parameters) {
    const length = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (key.startsWith(DIM) && length >= 1 && length <= MOST_LENGTH) lengths[key.slice(DIM.length)] = length;
  }
  return lengths;
}

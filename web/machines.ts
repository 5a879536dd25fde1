/**
 * Machines: those to choose from, and those that a reader writes as the command line takes them.
 *
 * Invariant: a machine is a text: its devices, `cuda:24GiB` or `cuda:24GiB/22.5GiB:8.9`, with spaces between them; the
 * empty one is a CPU alone. What {@link readMachine} lets through has devices.
 */
import { parseDevices, type Device } from 'tensor-arena/device';

/** The machine without any device but the CPU. */
export const CPU_ONLY = '';

/** A machine to choose. */
export interface Preset {
  readonly label: string;
  readonly machine: string;
  /** GiB of memory that GPU and CPU share; absent where the GPU has its own. */
  readonly shared?: number;
}

/**
 * The memory of a card is what is printed on its box, all of it free. That of a Mac is what macOS lets the GPU use by
 * default: two thirds, and three quarters above 32 GB.
 */
export const PRESETS: readonly { readonly group: string; readonly presets: readonly Preset[] }[] = [
  {
    group: 'NVIDIA',
    presets: [
      { label: 'RTX 2060, 6 GB', machine: 'cuda:6GiB:7.5' },
      { label: 'RTX 3070, 8 GB', machine: 'cuda:8GiB:8.6' },
      { label: 'RTX 4060, 8 GB', machine: 'cuda:8GiB:8.9' },
      { label: 'RTX 3060, 12 GB', machine: 'cuda:12GiB:8.6' },
      { label: 'RTX 4070, 12 GB', machine: 'cuda:12GiB:8.9' },
      { label: 'RTX 4060 Ti or 4080, 16 GB', machine: 'cuda:16GiB:8.9' },
      { label: 'RTX 5060 Ti or 5080, 16 GB', machine: 'cuda:16GiB:12.0' },
      { label: 'Tesla P40, 24 GB', machine: 'cuda:24GiB:6.1' },
      { label: 'RTX 3090, 24 GB', machine: 'cuda:24GiB:8.6' },
      { label: 'RTX 4090, 24 GB', machine: 'cuda:24GiB:8.9' },
      { label: 'RTX 5090, 32 GB', machine: 'cuda:32GiB:12.0' },
      { label: 'RTX A6000, 48 GB', machine: 'cuda:48GiB:8.6' },
      { label: 'A100, 80 GB', machine: 'cuda:80GiB:8.0' },
      { label: 'H100, 80 GB', machine: 'cuda:80GiB:9.0' },
      { label: 'RTX PRO 6000, 96 GB', machine: 'cuda:96GiB:12.0' },
    ],
  },
  {
    group: 'Several cards',
    presets: [
      { label: '2 × RTX 3060, 12 GB each', machine: 'cuda:12GiB:8.6 cuda:12GiB:8.6' },
      { label: '2 × RTX 3090, 24 GB each', machine: 'cuda:24GiB:8.6 cuda:24GiB:8.6' },
      { label: '2 × RTX 4090, 24 GB each', machine: 'cuda:24GiB:8.9 cuda:24GiB:8.9' },
      { label: 'RTX 4090, 24 GB, and RTX 3060, 12 GB', machine: 'cuda:24GiB:8.9 cuda:12GiB:8.6' },
      { label: '4 × RTX 3090, 24 GB each', machine: Array(4).fill('cuda:24GiB:8.6').join(' ') },
    ],
  },
  {
    group: 'Apple M series (Metal)',
    presets: [
      { label: 'Mac with 16 GB', machine: 'metal:10922MiB', shared: 16 },
      { label: 'Mac with 24 GB', machine: 'metal:16GiB', shared: 24 },
      { label: 'Mac with 32 GB', machine: 'metal:21845MiB', shared: 32 },
      { label: 'Mac with 64 GB', machine: 'metal:48GiB', shared: 64 },
      { label: 'Mac with 128 GB', machine: 'metal:96GiB', shared: 128 },
    ],
  },
  {
    group: 'AMD and Intel (Vulkan)',
    presets: [
      { label: 'Arc B580, 12 GB', machine: 'vulkan:12GiB' },
      { label: 'RX 9070 XT or Arc A770, 16 GB', machine: 'vulkan:16GiB' },
      { label: 'RX 7900 XTX, 24 GB', machine: 'vulkan:24GiB' },
    ],
  },
];

/** The preset of a machine; undefined if it is another one. */
export function presetOf(machine: string): Preset | undefined {
  return PRESETS.flatMap(({ presets }) => presets).find((preset) => preset.machine === machine);
}

/** Longer texts are no machines. */
const MOST_CHARACTERS = 500;
const MOST_DEVICES = 15;

/** The devices of a written machine, without its CPU. @throws PlannerError, Error with what is wrong with it */
export function readMachine(text: string): Device[] {
  const texts = text.split(/[\s,]+/).filter((word) => word !== '' && word !== '--gpu');
  if (text.length > MOST_CHARACTERS || texts.length > MOST_DEVICES) {
    throw new Error(`A machine has at most ${MOST_DEVICES} devices here.`);
  }
  return parseDevices(texts);
}

/** Whether a text names devices, or a CPU alone. */
export function isMachine(text: string): boolean {
  try {
    return text === CPU_ONLY || readMachine(text).length > 0;
  } catch {
    return false;
  }
}

/**
 * Devices as people write them: `cuda:24GiB`, `cuda:24GiB/22.5GiB:8.9`, `metal:48GiB`, `vulkan:8GiB`.
 *
 * Invariant: a text is a device, or an error that names the text and what is wrong with it.
 */
import { checkArgument, isListLike, nearestName, PlannerError, shown } from '../errors.js';
import { BYTE_UNITS, forgottenUnit, parseBytes } from '../units.js';
import { cudaDevice } from './cuda.js';
import type { Device } from './device.js';
import type { DeviceMemory } from './memory.js';
import { metalDevice } from './metal.js';
import { vulkanDevice } from './vulkan.js';
import { webgpuDevice } from './webgpu.js';

/** What is written behind the name of a profile. */
interface WrittenDevice extends DeviceMemory {
  /** NVIDIA's number for what the device can compute; left out if the text has none. */
  readonly computeCapability?: number;
}

interface Profile {
  readonly make: (device: WrittenDevice) => Device;
  /** Whether a compute capability may be written behind the memory. */
  readonly hasCapability: boolean;
}

/** Profiles by the name that texts give them. */
const PROFILES: Readonly<Record<string, Profile>> = {
  cuda: { make: cudaDevice, hasCapability: true },
  metal: { make: metalDevice, hasCapability: false },
  vulkan: { make: vulkanDevice, hasCapability: false },
  webgpu: { make: onlyWebGpu, hasCapability: false },
};

/** The names of the profiles that a text may begin with. */
export const PROFILE_NAMES: readonly string[] = Object.keys(PROFILES);

const FORM = 'Write profile:memory, such as cuda:24GiB; with free memory cuda:24GiB/22GiB; or cuda:24GiB:8.9.';

/**
 * The devices that texts name, in their order. Devices of one profile are counted from 0: `CUDA0`, `CUDA1`, `MTL0`,
 * `Vulkan0`. O(texts).
 *
 * @param texts `profile:total`, `profile:total/free` or, for `cuda`, either with `:capability` at its end; memory as in
 * `24GiB`, or in bytes
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function parseDevices(texts: readonly string[]): Device[] {
  const remedy = 'Give a list, such as ["cuda:24GiB"].';
  checkArgument(isListLike(texts), 'devices', texts, 'a list of texts such as cuda:24GiB', remedy);
  const counts = new Map<string, number>();
  return Array.from(texts, (text) => {
    const [name] = String(text).split(':', 1);
    const key = name.trim().toLowerCase();
    const index = counts.get(key) ?? 0;
    counts.set(key, index + 1);
    return parseDevice(text, index);
  });
}

/** The device that a text names, the `index`th of its profile. @throws PlannerError `BAD_ARGUMENT` */
export function parseDevice(text: string, index = 0): Device {
  checkArgument(typeof text === 'string', 'device', text, 'a text such as cuda:24GiB', FORM);
  const [name, memory, capability, ...rest] = text.split(':').map((part) => part.trim());
  const profile = Object.hasOwn(PROFILES, name.toLowerCase()) ? PROFILES[name.toLowerCase()] : null;
  if (profile === null) throw unknownProfile(text, name);
  if (memory === undefined || memory === '') throw wrongPart(text, 'has no memory', FORM);
  if (rest.length > 0) throw wrongPart(text, `has ${rest.length + 3} parts`, FORM);
  const [total, free, ...others] = memory.split('/');
  if (others.length > 0) throw wrongPart(text, 'has more than two sizes', FORM);
  const written: WrittenDevice = {
    index,
    totalBytes: memoryOf(total, text),
    ...(free === undefined ? {} : { freeBytes: memoryOf(free, text) }),
  };
  if (capability === undefined) return profile.make(written);
  if (!profile.hasCapability) {
    throw wrongPart(text, `has ${shown(capability)} behind its memory`, `A ${name} device has nothing behind it.`);
  }
  if (!/^\d+(\.\d)?$/.test(capability)) {
    throw wrongPart(text, `has ${shown(capability)} as its compute capability`, 'Write a number such as 8.9.');
  }
  return profile.make({ ...written, computeCapability: Number(capability) });
}

/** A browser has one adapter, whose name has no number. */
function onlyWebGpu({ index, ...memory }: WrittenDevice): Device {
  checkArgument(index === 0, 'number of webgpu devices', (index ?? 0) + 1, '1', 'Leave the others out.');
  return webgpuDevice(memory);
}

function memoryOf(size: string, text: string): number {
  const bytes = parseBytes(size);
  if (bytes === null) {
    throw wrongPart(
      text,
      `has ${shown(size)} as its memory`,
      `Write bytes, or a size such as 24GiB; units are ${BYTE_UNITS}.`,
    );
  }
  const unit = forgottenUnit(size, bytes);
  if (unit === null) return bytes;
  const plain = size.trim();
  throw wrongPart(
    text,
    `has memory without a unit, ${plain}`,
    `Write ${plain}${unit}, or ${plain}B if you mean ${bytes} bytes.`,
  );
}

function wrongPart(text: string, what: string, remedy: string): PlannerError {
  return new PlannerError('BAD_ARGUMENT', {
    message: `The device ${shown(text)} ${what}.`,
    culprit: 'device',
    value: text,
    limit: 'profile:total, profile:total/free or cuda:total:capability',
    remedy,
  });
}

function unknownProfile(text: string, name: string): PlannerError {
  const nearest = nearestName(name, PROFILE_NAMES);
  const hint = nearest === null ? '' : `, but there is ${nearest}`;
  return new PlannerError('BAD_ARGUMENT', {
    message: `The device ${shown(text)} names the profile ${shown(name)}, which there is not${hint}.`,
    culprit: 'device',
    value: text,
    limit: `a profile of ${PROFILE_NAMES.join(', ')}`,
    remedy: FORM,
  });
}

/**
 * The weights of a multimodal projector, which is loaded beside a model.
 *
 * Invariant: the buffers are those of `clip_model_loader::load_tensors` in build 10573: one for each modality, on the
 * first device. What it computes is not modelled.
 */
import type { Device } from '../device/device.js';
import { withCpu } from '../device/machine.js';
import { Context } from '../dialects/ggml/context.js';
import { named, PlannerError } from '../errors.js';
import type { Gguf, GgufTensor } from '../gguf/types.js';
import { allocatedBytes, type DeviceBuffer } from './offload/buffers.js';
import { checkGguf } from './weights.js';

/** Tensors of sound; all others are those of images. */
const OF_SOUND = /^(a|mm\.a)\./;

/**
 * The buffers of a projector's weights: on the first of the devices that is no CPU, or else in host memory.
 * O(tensors).
 *
 * @throws PlannerError `BAD_ARGUMENT`, `BAD_MODEL` if the file is no projector
 */
export function measureProjector(gguf: Gguf, devices: readonly Device[]): readonly DeviceBuffer[] {
  checkGguf(gguf);
  const machine = withCpu(devices);
  const { name, metadata, tensors } = gguf;
  if (metadata['general.architecture'] !== 'clip') {
    throw new PlannerError('BAD_MODEL', {
      message: `${named(name)} is no multimodal projector, as its general.architecture shows.`,
      culprit: 'general.architecture',
      value: metadata['general.architecture'],
      limit: 'clip',
      remedy: 'Give the file whose name begins with mmproj.',
    });
  }
  const { name: device, bufferType: type } = machine.find(({ bufferType }) => !bufferType.isHost) ?? machine[0];
  const context = Context.virtual();
  const sizeOf = (tensor: GgufTensor): number =>
    type.sizeOf(context.newTensor(tensor.type.name, tensor.ne, tensor.name));
  const bytes = [true, false].reduce((sum, isSound) => {
    const own = tensors.filter((tensor) => OF_SOUND.test(tensor.name) === isSound);
    return sum + allocatedBytes(own.map(sizeOf), type);
  }, 0);
  return bytes === 0 ? [] : [{ device, type, purpose: 'weights', bytes }];
}

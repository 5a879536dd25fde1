/**
 * One node as a dispatch: the variant of its shader, the parameters, and how many workgroups run.
 *
 * Invariant: a pure function of the node and of where its tensors are bound; no device is needed.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { BoundTensor, DispatchBindings } from '../../webgpu/dispatch.js';
import { Settings } from '../settings.js';
import { LANES, type ShaderKernel, type ShaderSetting } from './kernels/kernel.js';
import { findShader } from './kernels/kernels.js';
import type { ShaderSlot, ShaderVariant } from './shader.js';

/** All that runs a node, but for the buffers. */
export interface Dispatch {
  readonly variant: ShaderVariant;
  /** The bytes of the uniform binding, a multiple of 16. */
  readonly params: Uint8Array;
  /** Workgroups in two dimensions. */
  readonly workgroups: readonly [number, number];
}

/** Bytes of a place among the parameters. */
const PLACE_BYTES = 48;

/** The dispatch of a node with a kernel; null if it has no work, such as a copy of nothing. */
export function dispatchOf(
  node: Tensor,
  bound: Pick<DispatchBindings<unknown>, 'bindings' | 'operands' | 'result'>,
  mostWorkgroups: number,
): Dispatch | null {
  const kernel = findShader(node.operation!)!;
  const settings = kernel.settings?.(new Settings(node), node) ?? [];
  const count = kernel.count(node);
  if (count === 0 || bound.result === null) return null;
  const { slots, places, absent } = placesOf(node, bound.result, bound.operands);
  return {
    variant: { kernel, bindings: bound.bindings.map(({ access }) => access), slots, absent, settings },
    params: packed(places, count, settings),
    workgroups: workgroupsOf(kernel, count, mostWorkgroups),
  };
}

interface Place {
  readonly tensor: Tensor;
  /** Byte of its binding at which it begins. */
  readonly begin: number;
}

function placesOf(
  node: Tensor,
  result: BoundTensor,
  operands: readonly (BoundTensor | null)[],
): { slots: ShaderSlot[]; places: Place[]; absent: string[] } {
  const slots: ShaderSlot[] = [{ name: 'out', type: node.type.name, binding: result.binding }];
  const places: Place[] = [{ tensor: node, begin: result.residual }];
  const absent: string[] = [];
  node.operation!.operands.forEach((name, slot) => {
    const at = operands[slot] ?? null;
    if (at === null) {
      absent.push(name);
      return;
    }
    const tensor = node.sources[slot]!;
    slots.push({ name, type: tensor.type.name, binding: at.binding });
    places.push({ tensor, begin: at.residual });
  });
  return { slots, places, absent };
}

/** Parameters as the shader's structure has them. */
function packed(places: readonly Place[], count: number, settings: readonly ShaderSetting[]): Uint8Array {
  const size = places.length * PLACE_BYTES + 4 * (1 + settings.length);
  const view = new DataView(new ArrayBuffer(Math.ceil(size / 16) * 16));
  places.forEach(({ tensor: { ne, nb }, begin }, index) => {
    const numbers = [...ne, ...nb, begin];
    numbers.forEach((number, i) => view.setUint32(index * PLACE_BYTES + 4 * i, number, true));
  });
  const behind = places.length * PLACE_BYTES;
  view.setUint32(behind, count, true);
  settings.forEach(({ type, value }, index) => {
    const at = behind + 4 + 4 * index;
    if (type === 'f32') view.setFloat32(at, value, true);
    else view.setInt32(at, value, true);
  });
  return new Uint8Array(view.buffer);
}

/** As flat as the limit allows. */
function workgroupsOf({ unit }: ShaderKernel, count: number, most: number): [number, number] {
  const groups = unit === 'element' ? Math.ceil(count / LANES) : count;
  const rows = Math.ceil(groups / most);
  return [Math.ceil(groups / rows), rows];
}

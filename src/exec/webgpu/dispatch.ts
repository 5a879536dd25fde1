/**
 * One node as a dispatch: the variant of its shader, the parameters, and how many workgroups run.
 *
 * Invariant: a pure function of the node and of where its tensors are bound; no device is needed.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { Settings } from '../settings.js';
import { LANES, type ShaderKernel, type ShaderSetting } from './kernels/kernel.js';
import { findShader } from './kernels/kernels.js';
import type { ShaderSlot, ShaderVariant } from './shader.js';

/** Where a tensor of a dispatch is. */
export interface BoundTensor {
  /** Index in the bindings of the dispatch. */
  readonly binding: number;
  /** Bytes from the start of the binding to the first element. */
  readonly offset: number;
}

/** What a node is bound to. */
export interface BoundNode {
  readonly access: readonly ('read-only' | 'read-write')[];
  readonly result: BoundTensor;
  /** By source slot; null where the slot is empty, or where its operand is not read. */
  readonly sources: readonly (BoundTensor | null)[];
}

/** All that runs a node, but for the buffers. */
export interface Dispatch {
  readonly variant: ShaderVariant;
  /** The bytes of the uniform binding, a multiple of 16. */
  readonly params: Uint8Array<ArrayBuffer>;
  /** Workgroups in two dimensions. */
  readonly workgroups: readonly [number, number];
}

/** Bytes of a place among the parameters. */
const PLACE_BYTES = 48;

/** The dispatch of a node with a kernel; null if it has no work, such as a copy of nothing. */
export function dispatchOf(node: Tensor, bound: BoundNode, mostWorkgroups: number): Dispatch | null {
  const kernel = findShader(node.operation!)!;
  const settings = kernel.settings?.(new Settings(node), node) ?? [];
  const count = kernel.count(node);
  if (count === 0) return null;
  const { slots, places, absent } = placesOf(node, bound);
  return {
    variant: { kernel, bindings: bound.access, slots, absent, settings },
    params: packed(places, count, settings),
    workgroups: workgroupsOf(kernel, count, mostWorkgroups),
  };
}

interface Place {
  readonly tensor: Tensor;
  readonly offset: number;
}

function placesOf(
  node: Tensor,
  { result, sources }: BoundNode,
): { slots: ShaderSlot[]; places: Place[]; absent: string[] } {
  const slots: ShaderSlot[] = [{ name: 'out', type: node.type.name, binding: result.binding }];
  const places: Place[] = [{ tensor: node, offset: result.offset }];
  const absent: string[] = [];
  node.operation!.operands.forEach((name, slot) => {
    const at = sources[slot] ?? null;
    if (at === null) {
      absent.push(name);
      return;
    }
    const tensor = node.sources[slot]!;
    slots.push({ name, type: tensor.type.name, binding: at.binding });
    places.push({ tensor, offset: at.offset });
  });
  return { slots, places, absent };
}

/** Parameters as the shader's structure has them. */
function packed(places: readonly Place[], count: number, settings: readonly ShaderSetting[]): Uint8Array<ArrayBuffer> {
  const size = places.length * PLACE_BYTES + 4 * (1 + settings.length);
  const view = new DataView(new ArrayBuffer(Math.ceil(size / 16) * 16));
  places.forEach(({ tensor: { ne, nb }, offset }, index) => {
    const numbers = [...ne, ...nb, offset];
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

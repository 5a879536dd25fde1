/**
 * The interface of a WGSL kernel: the text of its work, and how much of it there is.
 *
 * The text says `get_a(at)` and `set_out(at, value)` for tensors by the names of their slots, where `at` has the indices of an
 * element, and `p` for shapes and settings. Which buffer a tensor is in, where it begins, and how its elements are stored is
 * the business of `shader.ts`: so the same text runs in place and out of place, on any strides, on f32 and f16.
 *
 * Invariant: an invocation reads every element that it overwrites before it writes, and no other invocation of the dispatch
 * reads it afterwards, wherever the operation may overwrite an operand.
 */
import type { Operation } from '../../../tensor/operation.js';
import type { Tensor } from '../../../tensor/tensor.js';
import type { Settings } from '../../settings.js';

/** Invocations of a workgroup. */
export const LANES = 64;

/** A number that a kernel reads as `p.name`. */
export interface ShaderSetting {
  readonly name: string;
  readonly type: 'f32' | 'i32';
  readonly value: number;
}

/** How one operation runs in a shader. */
export interface ShaderKernel {
  /** What one unit of work is: `element` calls `fn element(i: u32)`, `group` calls `fn group(index: u32, lane: u32)`. */
  readonly unit: 'element' | 'group';
  /** The text: the function of its unit, and what it calls. */
  readonly wgsl: string;
  /** How many units there are. */
  readonly count: (node: Tensor) => number;
  /** What the text reads as `p.name`, always in the same order. */
  readonly settings?: (settings: Settings, node: Tensor) => readonly ShaderSetting[];
  /** Names of the slots that hold integers, `out` for the result. All others hold floats. Default: none. */
  readonly integers?: readonly string[];
  /** Whether elements are moved as they are, so that they may be integers as well. */
  readonly moves?: boolean;
  /** What of a node the text cannot do, as the rest of a sentence about the node; null if it can do all. */
  readonly misfit?: (settings: Settings, node: Tensor) => string | null;
}

/** Operations, each with its kernel. */
export type ShaderKernels = readonly (readonly [Operation, ShaderKernel])[];

/** Settings that are fractions. */
export function floats(values: Readonly<Record<string, number>>): ShaderSetting[] {
  return Object.entries(values).map(([name, value]) => ({ name, type: 'f32', value }));
}

/** Settings that are integers, and flags. */
export function integers(values: Readonly<Record<string, number | boolean>>): ShaderSetting[] {
  return Object.entries(values).map(([name, value]) => ({ name, type: 'i32', value: Number(value) }));
}

/** Rows of a tensor. */
export function rowCount({ ne }: Tensor): number {
  return ne[1] * ne[2] * ne[3];
}

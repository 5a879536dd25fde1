/**
 * The text of a shader: the work of a kernel, and around it how the elements of its tensors are found in bound bytes.
 *
 * Bindings are arrays of 32-bit words, whatever they hold: one buffer has tensors of many types, and in place the result and
 * an operand are one binding. Elements of 16 bits are halves of a word. Two invocations may write the halves of one word, so
 * a binding that gets such elements is an array of atomics.
 *
 *     struct Params { out: Place, a: Place, …, count: u32, scale: f32, … }    where each tensor is, in bytes; settings
 *     b0, b1, …                                                               the bound bytes
 *     get_a(at), set_out(at, value), ne_mask(), has_mask                      what a kernel's text says
 *
 * Invariant: f16 is written as the reference executor writes it, to the nearest, ties to even: `shader-f16` is not needed.
 */
import type { ElementTypeName } from '../../tensor/element-type.js';
import type { StorageAccess } from '../../webgpu/dispatch.js';
import { LANES, type ShaderKernel, type ShaderSetting } from './kernels/kernel.js';

/** A tensor of a dispatch. */
export interface ShaderSlot {
  /** As the kernel's text has it; `out` for the result. */
  readonly name: string;
  readonly type: ElementTypeName;
  /** Index in `bindings`. */
  readonly binding: number;
}

/** All that the text of a shader depends on. */
export interface ShaderVariant {
  readonly kernel: ShaderKernel;
  readonly bindings: readonly StorageAccess[];
  /** The result first. */
  readonly slots: readonly ShaderSlot[];
  /** Operands that are left out. */
  readonly absent: readonly string[];
  readonly settings: readonly Pick<ShaderSetting, 'name' | 'type'>[];
}

/** How a type is stored. */
interface Storage {
  readonly bytes: number;
  /** What the shader computes with. */
  readonly scalar: 'f32' | 'i32';
  /** The element in `word`, whose first byte is `byte`. */
  readonly read: string;
}

const STORAGES: Partial<Record<ElementTypeName, Storage>> = {
  f32: { bytes: 4, scalar: 'f32', read: 'bitcast<f32>(word)' },
  f16: { bytes: 2, scalar: 'f32', read: 'unpack2x16float(word)[byte / 2u % 2u]' },
  i32: { bytes: 4, scalar: 'i32', read: 'bitcast<i32>(word)' },
  // Indices: the lower half says it all.
  i64: { bytes: 8, scalar: 'i32', read: 'bitcast<i32>(word)' },
};

/** What a shader makes of an element of a type: null where it cannot read it. */
export function scalarOf(type: ElementTypeName): 'f32' | 'i32' | null {
  return STORAGES[type]?.scalar ?? null;
}

/** Whether elements of a type can be written. */
export function isWritable(type: ElementTypeName): boolean {
  return type === 'f32' || type === 'f16' || type === 'i32';
}

const COMMON = /* wgsl */ `
// Where a tensor is in its binding: lengths, strides in bytes, first byte.
struct Place { ne: vec4u, nb: vec4u, begin: u32 }

// The indices of the element at a position in the order of a contiguous tensor.
fn index_of(position: u32, ne: vec4u) -> vec4u {
  let row = position / ne.x;
  let plane = row / ne.y;
  return vec4u(position % ne.x, row % ne.y, plane % ne.z, plane / ne.z);
}

fn row_at(index: u32, ne: vec4u) -> vec4u { return index_of(index, vec4u(1u, ne.yzw)); }
fn along(row: vec4u, i: u32) -> vec4u { return row + vec4u(i, 0u, 0u, 0u); }

fn byte_at(place: Place, at: vec4u) -> u32 {
  let steps = place.nb * at;
  return place.begin + steps.x + steps.y + steps.z + steps.w;
}`;

/** Adding 0.5 leaves 24 binary places, as many as the smallest f16 has: the sum is rounded as it must be. */
const ENCODE_F16 = /* wgsl */ `
fn encode_f16(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  let sign = (bits >> 16u) & 0x8000u;
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) { return 0x7e00u; }
  if (size >= 0x477ff000u) { return sign | 0x7c00u; }
  if (size < 0x38800000u) { return sign | (bitcast<u32>(bitcast<f32>(size) + 0.5) - 0x3f000000u); }
  return sign | ((size - 0x38000000u + 0xfffu + ((size >> 13u) & 1u)) >> 13u);
}`;

/** Workgroups form a plane where one dimension has no room for them. */
const ENTRY = {
  element: /* wgsl */ `
  let i = index * ${LANES}u + lane;
  if (i < p.count) { element(i); }`,
  group: /* wgsl */ `
  if (index < p.count) { group(index, lane); }`,
} as const;

/** The text of a shader. */
export function shaderText({ kernel, bindings, slots, absent, settings }: ShaderVariant): string {
  const [out] = slots;
  const atomic = STORAGES[out.type]!.bytes === 2 ? out.binding : -1;
  const fields = [
    ...slots.map(({ name }) => `  ${name}: Place,`),
    '  count: u32,',
    ...settings.map(({ name, type }) => `  ${name}: ${type},`),
  ];
  return [
    COMMON,
    `struct Params {\n${fields.join('\n')}\n}`,
    ...bindings.map((access, index) => {
      const word = index === atomic ? 'atomic<u32>' : 'u32';
      return `@group(0) @binding(${index}) var<storage, ${access === 'read' ? 'read' : 'read_write'}> b${index}: array<${word}>;`;
    }),
    `@group(0) @binding(${bindings.length}) var<uniform> p: Params;`,
    ...slots.map((slot) => readerOf(slot, atomic)),
    ...absent.map(
      (name) =>
        `const has_${name} = false;\nfn get_${name}(at: vec4u) -> f32 { return 0.0; }\nfn ne_${name}() -> vec4u { return vec4u(1u); }`,
    ),
    writerOf(out),
    kernel.wgsl.trim(),
    `@compute @workgroup_size(${LANES})
fn main(
  @builtin(workgroup_id) at: vec3u,
  @builtin(num_workgroups) size: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = at.y * size.x + at.x;${ENTRY[kernel.unit]}
}`,
  ]
    .join('\n\n')
    .trim();
}

function readerOf({ name, type, binding }: ShaderSlot, atomic: number): string {
  const { scalar, read } = STORAGES[type]!;
  const word = binding === atomic ? `atomicLoad(&b${binding}[byte / 4u])` : `b${binding}[byte / 4u]`;
  return `const has_${name} = true;
fn ne_${name}() -> vec4u { return p.${name}.ne; }
fn get_${name}(at: vec4u) -> ${scalar} {
  let byte = byte_at(p.${name}, at);
  let word = ${word};
  return ${read};
}`;
}

function writerOf({ name, type, binding }: ShaderSlot): string {
  const { bytes, scalar } = STORAGES[type]!;
  if (bytes !== 2) {
    return `fn set_${name}(at: vec4u, value: ${scalar}) { b${binding}[byte_at(p.${name}, at) / 4u] = bitcast<u32>(value); }`;
  }
  return `${ENCODE_F16.trim()}

fn set_${name}(at: vec4u, value: f32) {
  let byte = byte_at(p.${name}, at);
  let shift = byte % 4u * 8u;
  atomicAnd(&b${binding}[byte / 4u], ~(0xffffu << shift));
  atomicOr(&b${binding}[byte / 4u], encode_f16(value) << shift);
}`;
}

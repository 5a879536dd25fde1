/**
 * A graph at the places of its plan, ready to run on a GPU: a dispatch for each node.
 *
 * Invariant: a dispatch binds what `bindingsOf` says, and nothing else. Bind groups are made anew when a chunk has been
 * replaced.
 */
import { checkArgument, checkOptions, type OptionNames } from '../../errors.js';
import { checkGraph, type Graph } from '../../graph/graph.js';
import { checkKept, type PlanLayout } from '../../plan/layout.js';
import { typedArrayOf, checkType, type TensorData, type TypedArrayOf } from '../../tensor/typed-array.js';
import type { ElementTypeName } from '../../tensor/element-type.js';
import { requireTensor } from '../../tensor/require-tensor.js';
import type { Tensor } from '../../tensor/tensor.js';
import { alignUp } from '../../units.js';
import { dispatchesOf, type BufferBinding } from '../../webgpu/dispatch.js';
import type { OutsidePlace } from '../../webgpu/places.js';
import type { WebGpuTarget } from '../../webgpu/target.js';
import { GpuArena } from './arena.js';
import { dispatchOf } from './dispatch.js';
import { requireExecutableOnWebGpu } from './executable.js';
import { USAGE, type GpuBuffer, type GpuEncoder, type GpuObject } from './gpu.js';
import { PipelineCache, type Pipeline } from './pipelines.js';

/** A plan, and the graph that it is of. */
export interface PlanOfGraph extends PlanLayout {
  readonly graph: Graph;
}

/** What runs a plan. */
export interface ProgramOptions<Buffer extends GpuBuffer> {
  readonly arena: GpuArena<Buffer>;
  readonly pipelines: PipelineCache<Buffer>;
  /** The target that the plan was made for. */
  readonly target: WebGpuTarget;
}

const PROGRAM_OPTIONS: OptionNames<ProgramOptions<GpuBuffer>> = { arena: true, pipelines: true, target: true };

/** Parameters of a dispatch begin at a multiple of this in their buffer, bytes: what every device allows. */
const UNIFORM_ALIGNMENT = 256;

/** A dispatch that waits for its bind group. */
interface Step<Buffer extends GpuBuffer> {
  readonly label: string;
  readonly pipeline: Pipeline;
  readonly bindings: readonly BufferBinding<Buffer>[];
  readonly workgroups: readonly [number, number];
  /** Where its parameters are, bytes. */
  readonly params: { readonly offset: number; readonly size: number };
}

/** A planned graph on a device: write its inputs, run it, read its outputs. */
export class GpuProgram<Buffer extends GpuBuffer = GpuBuffer> {
  readonly plan: PlanOfGraph;
  readonly #arena: GpuArena<Buffer>;
  readonly #steps: readonly Step<Buffer>[];
  readonly #params: Buffer;
  #groups: readonly GpuObject[] = [];
  #generation = -1;

  /**
   * Compiles what the pipelines do not have yet, and makes room for the plan in the arena.
   *
   * @throws PlannerError `BAD_ARGUMENT`; `NOT_EXECUTABLE` for a graph that {@link whyNotExecutableOnWebGpu} has a reason against; as `bindingsOf`
   */
  constructor(plan: PlanOfGraph, options: ProgramOptions<Buffer>) {
    checkParts(plan, options);
    const { arena, pipelines, target } = options;
    requireExecutableOnWebGpu(plan.graph);
    this.plan = plan;
    this.#arena = arena.reserve(plan.chunks);
    const most = arena.device.limits.maxComputeWorkgroupsPerDimension;
    const params: Uint8Array[] = [];
    let paramBytes = 0;
    this.#steps = dispatchesOf(plan.graph, plan, target, arena.outside).flatMap((bound) => {
      const [node] = bound.nodes;
      const dispatch = dispatchOf(node, bound, most);
      if (dispatch === null) return [];
      const at = { offset: paramBytes, size: dispatch.params.byteLength };
      params.push(dispatch.params);
      paramBytes += alignUp(at.size, UNIFORM_ALIGNMENT);
      const pipeline = pipelines.find(dispatch.variant, node.op);
      return [{ label: node.label, pipeline, bindings: bound.bindings, workgroups: dispatch.workgroups, params: at }];
    });
    this.#params = this.#upload(params, paramBytes);
  }

  /** How many dispatches a run has. */
  get dispatchCount(): number {
    return this.#steps.length;
  }

  /**
   * Writes all elements of a contiguous input. They are valid for one run: the plan may have given the bytes to others by its
   * end.
   *
   * @throws PlannerError `BAD_ARGUMENT` unless there are as many bytes as the tensor has
   */
  write(tensor: Tensor, data: ArrayBufferView): void {
    requireTensor(tensor);
    this.#arena.write(tensor, this.#placeOf(tensor), data);
  }

  /** Runs the graph once: records its dispatches and submits them. What was written before is what it reads. */
  run(): void {
    const { device } = this.#arena;
    const encoder = device.createCommandEncoder();
    this.encode(encoder);
    device.queue.submit([encoder.finish()]);
  }

  /** Records all dispatches as one pass, for a program that submits by itself. */
  encode(encoder: GpuEncoder<Buffer>): void {
    this.#bind();
    const pass = encoder.beginComputePass();
    this.#steps.forEach(({ pipeline, workgroups }, index) => {
      pass.setPipeline(pipeline.pipeline);
      pass.setBindGroup(0, this.#groups[index]);
      pass.dispatchWorkgroups(workgroups[0], workgroups[1]);
    });
    pass.end();
  }

  /**
   * The elements of a contiguous output, when everything that was submitted before has run.
   *
   * @param type the element type that you expect, which makes the array's type known to the compiler. Default: any
   * @throws PlannerError `NOT_READABLE` if the bytes are another tensor's by the end of the graph, for strided tensors, and
   * for those of another type
   */
  read<T extends ElementTypeName>(tensor: Tensor, type: T): Promise<TypedArrayOf<T>>;
  read(tensor: Tensor): Promise<TensorData>;
  async read(tensor: Tensor, type?: ElementTypeName): Promise<TensorData> {
    checkType(tensor, type);
    checkKept(tensor, this.plan);
    const bytes = await this.#arena.read(tensor, this.#placeOf(tensor));
    return typedArrayOf(tensor, bytes, 0, 'Add a cont() node.');
  }

  /** Gives back what only this program has; the arena stays. */
  destroy(): void {
    this.#params.destroy();
  }

  #placeOf({ root }: Tensor): OutsidePlace<Buffer> {
    if (root.memory !== 'deferred') return this.#arena.outside(root);
    const { chunk, offset } = this.plan.locate(root);
    return { buffer: this.#arena.chunks[chunk], offset };
  }

  #upload(params: readonly Uint8Array[], size: number): Buffer {
    const { device } = this.#arena;
    const bytes = new Uint8Array(Math.max(size, UNIFORM_ALIGNMENT));
    let offset = 0;
    for (const each of params) {
      bytes.set(each, offset);
      offset += alignUp(each.byteLength, UNIFORM_ALIGNMENT);
    }
    const usage = USAGE.uniform + USAGE.copyTarget;
    const buffer = device.createBuffer({ label: 'parameters', size: bytes.byteLength, usage });
    device.queue.writeBuffer(buffer, 0, bytes);
    return buffer;
  }

  #bind(): void {
    const { device, chunks, generation } = this.#arena;
    if (generation === this.#generation) return;
    this.#groups = this.#steps.map(({ label, pipeline, bindings, params }) => {
      const storages = bindings.map(({ buffer, offset, size }) => {
        return { buffer: typeof buffer === 'number' ? chunks[buffer] : buffer, offset, size };
      });
      const resources = [...storages, { buffer: this.#params, ...params }];
      const entries = resources.map((resource, binding) => ({ binding, resource }));
      return device.createBindGroup({ label, layout: pipeline.layout, entries });
    });
    this.#generation = generation;
  }
}

/** @throws PlannerError `BAD_ARGUMENT` */
function checkParts(plan: PlanOfGraph, options: ProgramOptions<GpuBuffer>): void {
  const { graph, chunks, locate } = Object(plan) as Partial<PlanOfGraph>;
  const isPlan = graph !== undefined && Array.isArray(chunks) && typeof locate === 'function';
  checkArgument(isPlan, 'plan', plan, 'the plan of a graph', 'Give what planGraph or planner.plan returns.');
  checkGraph(graph);
  checkOptions(options, PROGRAM_OPTIONS);
  const { arena, pipelines } = options;
  checkArgument(arena instanceof GpuArena, 'arena', arena, 'a GpuArena', 'Make one with new GpuArena(device).');
  const isCache = pipelines instanceof PipelineCache;
  checkArgument(isCache, 'pipelines', pipelines, 'a PipelineCache', 'Make one with new PipelineCache(device).');
}

/**
 * The pipelines of a device, made once for each text.
 *
 * Invariant: a text decides its bindings, so the text is the key.
 */
import { checkDevice, COMPUTE, type GpuBuffer, type GpuDevice, type GpuObject } from './gpu.js';
import { shaderText, type ShaderVariant } from './shader.js';

/** What a dispatch of one variant needs of the device. */
export interface Pipeline {
  readonly pipeline: GpuObject;
  readonly layout: GpuObject;
}

/** Compiled shaders of one device. Nodes of the same operation, types and bindings share one, whatever their shapes. */
export class PipelineCache<Buffer extends GpuBuffer = GpuBuffer> {
  readonly device: GpuDevice<Buffer>;
  readonly #pipelines = new Map<string, Pipeline>();

  /** @throws PlannerError `BAD_ARGUMENT` */
  constructor(device: GpuDevice<Buffer>) {
    checkDevice(device);
    this.device = device;
  }

  /** How many shaders were compiled. */
  get count(): number {
    return this.#pipelines.size;
  }

  /** The pipeline of a variant, compiled at the first call. @internal */
  find(variant: ShaderVariant, label: string): Pipeline {
    const code = shaderText(variant);
    const known = this.#pipelines.get(code);
    if (known !== undefined) return known;
    const layout = this.#layoutOf(variant);
    const module = this.device.createShaderModule({ code, label });
    const pipeline = this.device.createComputePipeline({
      label,
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    });
    const made = { pipeline, layout };
    this.#pipelines.set(code, made);
    return made;
  }

  #layoutOf({ bindings }: ShaderVariant): GpuObject {
    const types = [
      ...bindings.map((access) => (access === 'read' ? 'read-only-storage' : 'storage')),
      'uniform',
    ] as const;
    return this.device.createBindGroupLayout({
      entries: types.map((type, binding) => ({ binding, visibility: COMPUTE, buffer: { type } })),
    });
  }
}

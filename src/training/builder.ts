/**
 * The modules that models are made of: their parameters, and what they compute.
 *
 * Invariant: parameters are made in the order in which PyTorch lists them, which is the order of the optimiser.
 */
import { ELEMENT_TYPES, type ElementType } from '../tensor/element-type.js';
import { requireGradient } from './eager/grad-node.js';
import { castTo } from './eager/ops/cast.js';
import { add, mul, pow, rsqrt, scaled, shifted } from './eager/ops/element-wise.js';
import { embedding } from './eager/ops/loss.js';
import { linear, linearOfColumns } from './eager/ops/matrix.js';
import { layerNorm } from './eager/ops/norms.js';
import { meanOfRows } from './eager/ops/reduce.js';
import { select } from './eager/ops/views.js';
import type { Tape } from './eager/tape.js';
import type { Value } from './eager/value.js';
import type { TrainingModel } from './model.js';
import { quantizedLinear, quantizedWeight } from './quantized.js';
import type { ResolvedRun } from './run.js';

/** A module with one operand. */
export type Module = (x: Value) => Value;

/** A table of embeddings: rows by id. */
export interface Embedding {
  readonly weight: Value;
  readonly rows: (ids: Value) => Value;
}

/** A parameter that is trained, with its gradient once there is one. */
export interface Trained {
  readonly name: string;
  readonly value: Value;
  gradient: Value | null;
}

const TYPE_OF = { fp32: ELEMENT_TYPES.f32, bf16: ELEMENT_TYPES.bf16, fp16: ELEMENT_TYPES.f16 } as const;

/** The type of parameters. */
export function parameterType({ precision }: ResolvedRun): ElementType {
  return precision === 'bf16' || precision === 'fp16' ? TYPE_OF[precision] : ELEMENT_TYPES.f32;
}

/** Makes the modules of a model on a tape. */
export class Builder {
  readonly tape: Tape;
  readonly model: TrainingModel;
  readonly run: ResolvedRun;
  readonly trained: Trained[] = [];
  /** Called when the gradient of a parameter is complete. */
  onGradient: (trained: Trained) => void = () => undefined;
  /** What the graph of the loss holds besides parameters. */
  readonly held: Value[] = [];
  /** Elements of all parameters. */
  parameterCount = 0;
  readonly #type: ElementType;

  constructor(tape: Tape, model: TrainingModel, run: ResolvedRun) {
    this.tape = tape;
    this.model = model;
    this.run = run;
    this.#type = parameterType(run);
  }

  /** A parameter of the base model: frozen where only adapters are trained. */
  parameter(name: string, shape: readonly number[]): Value {
    return this.#parameter(name, shape, this.#type, this.run.method === 'full');
  }

  /** A tensor of the model that is not trained. */
  buffer(name: string, type: ElementType, shape: readonly number[]): Value {
    return this.tape.leaf(name, 'buffers', type, shape);
  }

  input(name: string, shape: readonly number[]): Value {
    return this.tape.leaf(name, 'inputs', ELEMENT_TYPES.i64, shape);
  }

  /**
   * The embeddings on their way into the first block: with checkpoints and frozen weights they have to require a gradient,
   * which is kept with them as long as the loss.
   */
  entering(embedded: Value): Value {
    if (this.run.method === 'full' || this.run.checkpointing === 'none') return embedded;
    requireGradient(this.tape, embedded, (gradient) => this.held.push(embedded, gradient));
    return embedded;
  }

  embedding(name: string, rowCount: number, width: number): Embedding {
    const weight = this.parameter(`${name}.weight`, [rowCount, width]);
    return { weight, rows: (ids) => embedding(this.tape, weight, ids) };
  }

  /** A linear layer, with an adapter if its name is among the targets. */
  linear(name: string, inputs: number, outputs: number, hasBias: boolean): Module {
    return this.#layer(name, inputs, outputs, hasBias, (own) => {
      const weight = this.parameter(`${own}.weight`, [outputs, inputs]);
      const bias = hasBias ? this.parameter(`${own}.bias`, [outputs]) : null;
      return (x) => linear(this.tape, x, weight, bias);
    });
  }

  /** A linear layer whose weight is stored the other way round. */
  linearOfColumns(name: string, inputs: number, outputs: number): Module {
    return this.#layer(name, inputs, outputs, true, (own) => {
      const weight = this.parameter(`${own}.weight`, [inputs, outputs]);
      const bias = this.parameter(`${own}.bias`, [outputs]);
      return (x) => linearOfColumns(this.tape, x, weight, bias);
    });
  }

  /** The linear layers of all experts, stored together: the gradient of one is as large as all of them. */
  experts(name: string, count: number, outputs: number, inputs: number): (x: Value, expert: number) => Value {
    const { tape: t } = this;
    if (this.run.method === 'qlora') {
      const weights = Array.from({ length: count }, (_, expert) =>
        quantizedWeight(t, `${name}.${expert}`, [outputs, inputs]),
      );
      this.parameterCount += count * outputs * inputs;
      return (x, expert) => quantizedLinear(t, x, weights[expert], null);
    }
    const all = this.parameter(name, [count, outputs, inputs]);
    return (x, expert) => linear(t, x, select(t, all, 0, expert), null);
  }

  layerNorm(name: string, width = this.model.hidden): Module {
    const weight = this.parameter(`${name}.weight`, [width]);
    const bias = this.parameter(`${name}.bias`, [width]);
    return (x) => layerNorm(this.tape, x, weight, bias);
  }

  /** The norm of Llama: computed in fp32, out of single operations. */
  rmsNorm(name: string, width = this.model.hidden): Module {
    const { tape: t } = this;
    const weight = this.parameter(`${name}.weight`, [width]);
    return (x) =>
      t.frame((hold) => {
        const wide = castTo(t, x, ELEMENT_TYPES.f32);
        const variance = hold(meanOfRows(t, pow(t, wide)));
        const normed = hold(mul(t, wide, rsqrt(t, shifted(t, variance))));
        return mul(t, weight, castTo(t, normed, x.type));
      });
  }

  /** The norm of Gemma: all in fp32, and the weight counts from 1. */
  gemmaNorm(name: string, width = this.model.hidden): Module {
    const { tape: t } = this;
    const weight = this.parameter(`${name}.weight`, [width]);
    return (x) => {
      const wide = castTo(t, x, ELEMENT_TYPES.f32);
      const normed = mul(t, wide, rsqrt(t, shifted(t, meanOfRows(t, pow(t, wide)))));
      return castTo(t, mul(t, normed, shifted(t, castTo(t, weight, ELEMENT_TYPES.f32))), x.type);
    };
  }

  #layer(name: string, inputs: number, outputs: number, hasBias: boolean, plain: (own: string) => Module): Module {
    const isTarget = this.#isTarget(name);
    const own = isTarget ? `${name}.base` : name;
    const base = this.run.method === 'qlora' ? this.#quantized(own, inputs, outputs, hasBias) : plain(own);
    return isTarget ? this.#adapted(name, base, inputs, outputs) : base;
  }

  #quantized(name: string, inputs: number, outputs: number, hasBias: boolean): Module {
    const weight = quantizedWeight(this.tape, name, [outputs, inputs]);
    this.parameterCount += inputs * outputs;
    const bias = hasBias ? this.parameter(`${name}.bias`, [outputs]) : null;
    return (x) => quantizedLinear(this.tape, x, weight, bias);
  }

  #isTarget(name: string): boolean {
    const { method, lora } = this.run;
    return method !== 'full' && lora.targets.some((target) => name.endsWith(`.${target}`));
  }

  /** `y + (B(A(x)) * scale)`, computed in the type of the adapters. */
  #adapted(name: string, base: Module, inputs: number, outputs: number): Module {
    const { tape: t } = this;
    const { rank, precision } = this.run.lora;
    const type = TYPE_OF[precision];
    const a = this.#parameter(`${name}.A.weight`, [rank, inputs], type, true);
    const b = this.#parameter(`${name}.B.weight`, [outputs, rank], type, true);
    return (x) =>
      t.frame((hold) => {
        const y = hold(base(x));
        const low = linear(t, linear(t, castTo(t, x, type), a, null), b, null);
        return castTo(t, add(t, y, scaled(t, low)), y.type);
      });
  }

  #parameter(name: string, shape: readonly number[], type: ElementType, isTrained: boolean): Value {
    const value = this.tape.leaf(name, 'parameters', type, shape);
    this.parameterCount += shape.reduce((product, length) => product * length, 1);
    if (!isTrained) return value;
    const trained: Trained = { name, value, gradient: null };
    this.trained.push(trained);
    requireGradient(this.tape, value, (gradient) => {
      trained.gradient = gradient;
      gradient.tensor.root.name = `${name}.grad`;
      this.tape.setKind(gradient.tensor, 'gradients');
      this.onGradient(trained);
    });
    return value;
  }
}

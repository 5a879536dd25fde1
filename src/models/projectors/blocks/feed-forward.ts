/**
 * Feed-forward networks of encoders and projectors, as llama.cpp's `build_ffn`.
 */
import type { Context } from '../../../dialects/ggml/context.js';
import type { Tensor } from '../../../tensor/tensor.js';
import type { EncoderScope } from '../encoder.js';
import type { Activation } from '../numbers.js';
import { plainProduct, type Product } from './linear.js';

/** The parts of a network, by the names of their weights without `.weight` and `.bias`. */
export interface NetworkParts {
  readonly up: string;
  /** Default: none. */
  readonly gate?: string;
  readonly down: string;
}

/** Each activation, plain and as the gate of another tensor. */
const ACTIVATIONS: Readonly<Record<Activation, readonly [plain: Plain, gated: Gated]>> = {
  gelu: [named('ffn_gelu', (ctx, x) => ctx.gelu(x)), named('ffn_geglu', (ctx, x, y) => ctx.geglu(x, y))],
  gelu_erf: [
    named('ffn_gelu_erf', (ctx, x) => ctx.geluErf(x)),
    named('ffn_geglu_erf', (ctx, x, y) => ctx.gegluErf(x, y)),
  ],
  gelu_quick: [
    named('ffn_gelu_quick', (ctx, x) => ctx.geluQuick(x)),
    named('ffn_geglu_quick', (ctx, x, y) => ctx.gegluQuick(x, y)),
  ],
  silu: [named('ffn_silu', (ctx, x) => ctx.silu(x)), named('ffn_swiglu', (ctx, x, y) => ctx.swiglu(x, y))],
  relu_sqr: [squaredRelu, squaredRelu],
};

type Plain = (s: EncoderScope, x: Tensor) => Tensor;
type Gated = (s: EncoderScope, x: Tensor, y: Tensor) => Tensor;

function named(label: string, apply: (ctx: Context, x: Tensor, y: Tensor) => Tensor): Gated & Plain {
  return (s: EncoderScope, x: Tensor, y: Tensor = x) => s.named(apply(s.ctx, x, y), label);
}

function squaredRelu(s: EncoderScope, x: Tensor): Tensor {
  return s.named(s.ctx.sqr(s.ctx.relu(x)), 'ffn_relu_sqr');
}

/** @param parts `gate` is used if the file has it */
export function feedForward(
  s: EncoderScope,
  x: Tensor,
  parts: NetworkParts,
  activation: Activation,
  product: Product = plainProduct,
): Tensor {
  const inner = matrix(s, parts.up, x, 'ffn_up', product);
  const [plain, gated] = ACTIVATIONS[activation];
  const { gate } = parts;
  const isGated = gate !== undefined && s.optionalWeight(`${gate}.weight`) !== null;
  const active = isGated ? gated(s, matrix(s, gate, x, 'ffn_gate', product), inner) : plain(s, inner);
  const bias = s.optionalWeight(`${parts.down}.bias`);
  const down = product(s, s.weight(`${parts.down}.weight`), active);
  return bias === null ? down : s.ctx.add(s.named(down, 'ffn_down'), bias);
}

function matrix(s: EncoderScope, part: string, x: Tensor, label: string, product: Product): Tensor {
  const result = s.named(product(s, s.weight(`${part}.weight`), x), label);
  const bias = s.optionalWeight(`${part}.bias`);
  return bias === null ? result : s.named(s.ctx.add(result, bias), `${label}_b`);
}

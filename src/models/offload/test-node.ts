/**
 * A node made only for the question whether a device can compute with a weight.
 *
 * Invariant: operands have the types and shapes of llama.cpp's `weight_buft_supported`: a batch of 512 tokens.
 */
import { Context } from '../../dialects/ggml/context.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Hyperparameters } from '../hyperparameters.js';
import { scanOf } from '../scan.js';
import type { TestOperation } from './tensor-kinds.js';

const TOKENS = 512;
const SEQUENCES = 3;
/** Every length in the operation of RWKV 6. */
const ODD = 123;

type Builder = (ctx: Context, weight: Tensor, hp: Hyperparameters) => Tensor;

const BUILDERS: Readonly<Record<TestOperation, Builder>> = {
  GET_ROWS: (ctx, w) => ctx.getRows(w, ctx.newTensor('i32', [TOKENS])),
  MUL_MAT: (ctx, w) => ctx.mulMat(w, ctx.newTensor('f32', [w.ne[0], TOKENS, w.ne[2], w.ne[3]])),
  MUL_MAT_ID: (ctx, w, hp) => {
    const used = hp.experts?.used ?? 1;
    const ids = ctx.newTensor('i32', [used, TOKENS]);
    return ctx.mulMatId(w, ctx.newTensor('f32', [w.ne[0], used, TOKENS]), ids);
  },
  ADD: (ctx, w) => ctx.add(ctx.newTensor('f32', w.ne), w),
  ADD_ID: (ctx, w, hp) => {
    const used = hp.experts?.used ?? 1;
    return ctx.addId(ctx.newTensor('f32', [w.ne[0], used, TOKENS]), w, ctx.newTensor('i32', [used, TOKENS]));
  },
  MUL: (ctx, w) => ctx.mul(ctx.newTensor('f32', w.ne), w),
  DIV: (ctx, w) => ctx.div(ctx.newTensor('f32', [w.ne[0]]), w),
  ROPE: (ctx, w, hp) => {
    const [heads] = hp.attention.layers;
    const rows = ctx.newTensor('f32', [heads.valueLength, heads.headCount, TOKENS]);
    return ctx.rope(rows, ctx.newTensor('i32', [TOKENS]), 0, { freqFactors: w });
  },
  IM2COL: (ctx, w, hp) => ctx.im2col(w, ctx.newTensor('f32', [hp.embeddingLength, w.ne[1]]), 1, 'f16'),
  SCALE: (ctx, w) => ctx.scale(w, 1),
  SSM_CONV: (ctx, w) => ctx.ssmConv(ctx.newTensor('f32', [w.ne[0] - 1 + TOKENS, w.ne[1], SEQUENCES]), w),
  SSM_SCAN: (ctx, w, hp) => {
    const [length, heads] = w.ne;
    const scan = scanOf(hp);
    // One decay per head marks Mamba 2.
    const stateLength = length === 1 && scan !== null ? scan.stateLength : length;
    const headLength = scan === null ? 1 : Math.floor(scan.innerLength / heads);
    const gate = (): Tensor => ctx.newTensor('f32', [stateLength, scan?.groups || 1, TOKENS, SEQUENCES]);
    return ctx.ssmScan(
      ctx.newTensor('f32', [stateLength, headLength, heads, SEQUENCES]),
      ctx.newTensor('f32', [headLength, heads, TOKENS, SEQUENCES]),
      ctx.newTensor('f32', [heads, TOKENS, SEQUENCES]),
      w,
      gate(),
      gate(),
      ctx.newTensor('i32', [SEQUENCES]),
    );
  },
  RWKV_WKV6: (ctx, w) => {
    const heads = (): Tensor => ctx.newTensor('f32', [ODD, ODD, ODD]);
    return ctx.rwkvWkv6(heads(), heads(), heads(), w, heads(), ctx.newTensor('f32', [ODD, ODD, ODD, ODD]));
  },
};

/** The node that reads `weight` by `operation`; it is never computed. */
export function testNode(operation: TestOperation, weight: Tensor, hp: Hyperparameters): Tensor {
  return BUILDERS[operation](Context.virtual(), weight, hp);
}

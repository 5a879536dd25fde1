/**
 * The operations of PyTorch, by the names that its dispatcher gives them, as far as training runs them.
 *
 * Invariant: eager PyTorch gives each result bytes of its own, so that no row overwrites an operand. What a node reads is
 * alive until the node has run; `release` reads what Python or autograd held for longer, and computes nothing. An
 * operation with several results is one node for each; `result` counts them.
 */
import type { Operation, OperationFamily } from '../../tensor/operation.js';

const NO_SLOTS: readonly number[] = [];

function row(name: string, family: OperationFamily, isView = false): Operation {
  return {
    name,
    family,
    isKnown: true,
    operands: [],
    requiredCount: 0,
    isView,
    isPure: true,
    reusesAny: false,
    overwrites: NO_SLOTS,
    updates: NO_SLOTS,
    writesPart: false,
    namesItself: NO_SLOTS,
  };
}

const BY_FAMILY: Readonly<Partial<Record<OperationFamily, readonly string[]>>> = {
  matrix: ['addmm.default', 'mm.default', 'bmm.default', 'baddbmm.default', '_grouped_mm.default'],
  attention: [
    '_scaled_dot_product_flash_attention_for_cpu.default',
    '_scaled_dot_product_flash_attention_for_cpu_backward.default',
    '_scaled_dot_product_flash_attention.default',
    '_scaled_dot_product_flash_attention_backward.default',
    '_scaled_dot_product_efficient_attention.default',
    '_scaled_dot_product_efficient_attention_backward.default',
  ],
  norm: [
    ...['native_layer_norm.default', 'native_layer_norm_backward.default', '_softmax.default'],
    ...[
      '_safe_softmax.default',
      '_softmax_backward_data.default',
      '_log_softmax.default',
      '_log_softmax_backward_data.default',
    ],
  ],
  'element-wise': [
    ...[
      'add.Tensor',
      'sub.Tensor',
      'rsub.Scalar',
      'mul.Tensor',
      'mul.Scalar',
      'div.Tensor',
      'div.Scalar',
      'neg.default',
    ],
    ...[
      'pow.Tensor_Scalar',
      'rsqrt.default',
      'sqrt.default',
      'cos.default',
      'sin.default',
      'tanh.default',
      'abs.default',
    ],
    ...['tanh_backward.default', 'relu.default', 'threshold_backward.default', 'silu.default', 'silu_backward.default'],
    ...[
      'gelu.default',
      'gelu_backward.default',
      'masked_fill.Scalar',
      'minimum.default',
      'log.default',
      'sign.default',
    ],
    ...[
      'ne.Scalar',
      'eq.Scalar',
      'lt.Scalar',
      'gt.Scalar',
      'ge.Tensor',
      'le.Tensor',
      'lt.Tensor',
      'ge.Scalar',
      'logical_and.default',
    ],
    ...['bitwise_and.Tensor', 'bitwise_or.Tensor', 'where.self', '_foreach_sqrt.default', 'clamp.default', 'eq.Tensor'],
  ],
  copy: [
    ...['_to_copy.default', 'clone.default', 'cat.default', 'stack.default', 'constant_pad_nd.default', 'copy.default'],
    ...[
      'slice_backward.default',
      'select_backward.default',
      'repeat_interleave.self_int',
      'index.Tensor',
      'roll.default',
    ],
    ...['embedding.default', 'embedding_dense_backward.default', 'index_put.default', 'index_select.default'],
    ...['gather.default', 'scatter.value', 'split_with_sizes_backward.default', 'one_hot.default'],
  ],
  other: [
    ...[
      'ones.default',
      'ones_like.default',
      'zeros.default',
      'zeros_like.default',
      'new_zeros.default',
      'full.default',
    ],
    ...[
      'arange.default',
      'arange.start',
      'cumsum.default',
      'sum.dim_IntList',
      'sum.default',
      'mean.dim',
      'all.default',
    ],
    ...[
      'topk.default',
      'nll_loss_forward.default',
      'nll_loss_backward.default',
      'new_ones.default',
      'lift_fresh.default',
      'full_like.default',
      'scalar_tensor.default',
    ],
    ...['nonzero.default', 'sort.default', 'empty.memory_format', 'empty_like.default', 'mean.default', 'triu.default'],
  ],
};

const VIEWS = [
  ...['view.default', '_unsafe_view.default', 't.default', 'transpose.int', 'permute.default', 'expand.default'],
  ...['slice.Tensor', 'select.int', 'unsqueeze.default', 'squeeze.dim', 'split.Tensor', 'unbind.int', 'detach.default'],
  ...['add_.Tensor', 'index_add_.default'],
];

/** Lets go of what it reads: the references that Python's frames and autograd's nodes held. */
export const RELEASE = row('release', 'other');

/** What packages add to PyTorch's operations. */
const PACKAGES = ['bitsandbytes.dequantize_blockwise', 'bitsandbytes.dequantize_4bit'];

const ROWS = [
  RELEASE,
  ...PACKAGES.map((name) => row(name, 'copy')),
  ...Object.entries(BY_FAMILY).flatMap(([family, names]) =>
    names.map((name) => row(`aten.${name}`, family as OperationFamily)),
  ),
  ...VIEWS.map((name) => row(`aten.${name}`, 'copy', true)),
];

const TABLE: ReadonlyMap<string, Operation> = new Map(ROWS.map((each) => [each.name, each]));

/** The row of an operation, such as `aten.mm.default`; `undefined` for one that training does not run. */
export function findTorchOperation(name: string): Operation | undefined {
  return TABLE.get(name);
}

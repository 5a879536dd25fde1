/**
 * The operations of ONNX: operands, which bytes they only look at, and which they may overwrite.
 *
 * An operation may overwrite an operand only where each element of its result depends, among that operand, on the element
 * at the same place. So a runtime that computes element by element is right whatever order it takes. Softmax and the norms,
 * which read whole rows first, are left out: a runtime may well read an element again.
 *
 * Invariant: facts alone. The shape rules have a table of their own, so that a reader of graph files goes without them.
 * An operation with an empty list of operands has any number of them.
 */
import type { Operation, OperationFamily } from '../../tensor/operation.js';

/** Names of operands, apart by spaces; those from the first with `?` on may be left out. `*`: any number of them. */
type Row = readonly [name: string, operands: string];

/** What holds for all rows of a group. */
type Facts = Partial<Pick<Operation, 'isView' | 'isPure' | 'overwrites'>>;

const names = (operands: string, list: string): Row[] => list.split(' ').map((name) => [name, operands]);

/** Bytes that the operation needs beside its results while it runs, such as those of a body. */
export const WORKSPACE = 'workspace';

const GROUPS: readonly (readonly [OperationFamily, Facts, readonly Row[]])[] = [
  [
    'element-wise',
    { overwrites: [0] },
    [
      ...names(
        'X',
        'Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish ' +
          'LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish ' +
          'Tan Tanh ThresholdedRelu com.microsoft.QuickGelu',
      ),
      ['Clip', 'input ?min ?max'],
      ['PRelu', 'X slope'],
      ['com.microsoft.Gelu', 'X'],
      ['com.microsoft.FastGelu', 'X ?bias'],
      ['com.microsoft.BiasGelu', 'A B'],
    ],
  ],
  [
    'element-wise',
    { overwrites: [0, 1] },
    names('A B', 'Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Mod Mul Or Pow Sub Xor'),
  ],
  ['element-wise', { overwrites: [1, 2] }, [['Where', 'condition X Y']]],
  // Several operands are added one by one: the third is read after the first two are done.
  ['element-wise', { overwrites: [0] }, names('*', 'Max Mean Min Sum')],
  [
    'element-wise',
    {},
    [
      ...names('A B', 'Equal Greater GreaterOrEqual Less LessOrEqual StringConcat'),
      ...names('X', 'BitCast Cast IsInf IsNaN RegexFullMatch'),
      ['CastLike', 'input target_type'],
      ['QuantizeLinear', 'x y_scale ?y_zero_point'],
      ['DequantizeLinear', 'x x_scale ?x_zero_point'],
      ['com.microsoft.QuantizeLinear', 'x y_scale ?y_zero_point'],
      ['com.microsoft.DequantizeLinear', 'x x_scale ?x_zero_point'],
      ...names(
        'A A_scale A_zero_point B B_scale B_zero_point C_scale ?C_zero_point',
        'com.microsoft.QLinearAdd com.microsoft.QLinearMul',
      ),
      ...names(
        'X X_scale X_zero_point Y_scale ?Y_zero_point',
        'com.microsoft.QLinearLeakyRelu com.microsoft.QLinearSigmoid',
      ),
      ['com.microsoft.QLinearSoftmax', 'X X_scale ?x_zero_point y_scale y_zero_point'],
      ['com.microsoft.BiasSplitGelu', 'X bias'],
      ['StringNormalizer', 'X'],
    ],
  ],
  ['element-wise', { isPure: false, overwrites: [0] }, [['Dropout', 'data ?ratio ?training_mode']]],
  [
    'other',
    { isPure: false },
    [
      ...names('', 'RandomNormal RandomUniform'),
      ...names('input', 'Bernoulli Multinomial RandomNormalLike RandomUniformLike'),
    ],
  ],
  [
    'copy',
    { isView: true },
    [
      ['Flatten', 'input'],
      ['Identity', 'input'],
      ['Reshape', 'data shape'],
      ['Squeeze', 'data ?axes'],
      ['Unsqueeze', 'data ?axes'],
    ],
  ],
  [
    'copy',
    {},
    [
      ...names('*', 'Concat ConcatFromSequence com.microsoft.QLinearConcat'),
      ['CenterCropPad', 'input_data shape'],
      ['Col2Im', 'input image_shape block_shape'],
      ['Compress', 'input condition'],
      ['DepthToSpace', 'input'],
      ['Expand', 'input shape'],
      ['Gather', 'data indices'],
      ['GatherElements', 'data indices'],
      ['GatherND', 'data indices'],
      ['Pad', 'data ?pads ?constant_value ?axes'],
      ['ReverseSequence', 'input sequence_lens'],
      ...names('data indices updates', 'Scatter ScatterElements ScatterND'),
      ['Slice', 'data ?starts ?ends ?axes ?steps'],
      ['SpaceToDepth', 'input'],
      ['Split', 'input ?split'],
      ['SplitToSequence', 'input ?split'],
      ['TensorScatter', 'past_cache update ?write_indices'],
      ['Tile', 'input repeats'],
      ['Transpose', 'data'],
      ['Trilu', 'input ?k'],
    ],
  ],
  [
    'matrix',
    {},
    [
      ['Det', 'X'],
      ['Einsum', '*'],
      ['Gemm', 'A B ?C'],
      ['MatMul', 'A B'],
      ['MatMulInteger', 'A B ?a_zero_point ?b_zero_point'],
      ['QLinearMatMul', 'a a_scale a_zero_point b b_scale b_zero_point y_scale y_zero_point'],
      ...names('A B', 'com.microsoft.FusedMatMul com.microsoft.TransposeMatMul'),
      ['com.microsoft.FusedGemm', 'A B ?C'],
      ['com.microsoft.FusedMatMulActivation', 'A B'],
      ['com.microsoft.DynamicQuantizeMatMul', 'A B b_scale ?b_zero_point ?bias'],
      ['com.microsoft.MatMulIntegerToFloat', 'A B a_scale b_scale ?a_zero_point ?b_zero_point ?bias'],
      ['com.microsoft.MatMulNBits', 'A B scales ?zero_points ?g_idx ?bias'],
      ['com.microsoft.MatMulBnb4', 'A B absmax'],
      ['com.microsoft.QGemm', 'A a_scale a_zero_point B b_scale b_zero_point ?C ?y_scale ?y_zero_point'],
    ],
  ],
  [
    'convolution',
    {},
    [
      ['AffineGrid', 'theta size'],
      ...names('X', 'AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool MaxPool'),
      ...names('X W ?B', 'Conv ConvTranspose'),
      ['com.microsoft.FusedConv', 'X W ?B ?Z'],
      ['com.microsoft.NhwcMaxPool', 'x'],
      ['ConvInteger', 'x w ?x_zero_point ?w_zero_point'],
      ['DeformConv', 'X W offset ?B ?mask'],
      ['GridSample', 'X grid'],
      ['LRN', 'X'],
      ['MaxRoiPool', 'X rois'],
      ['MaxUnpool', 'X I ?output_shape'],
      ['QLinearConv', 'x x_scale x_zero_point w w_scale w_zero_point y_scale y_zero_point ?B'],
      ['com.microsoft.QLinearConv', 'x x_scale x_zero_point w w_scale w_zero_point y_scale y_zero_point ?B'],
      ...names(
        'X x_scale x_zero_point y_scale ?y_zero_point',
        'com.microsoft.QLinearAveragePool com.microsoft.QLinearGlobalAveragePool',
      ),
      ['Resize', 'X ?roi ?scales ?sizes'],
      ['RoiAlign', 'X rois batch_indices'],
      ['Upsample', 'X ?scales'],
    ],
  ],
  // Each element needs only itself and numbers of its channel.
  ['norm', { overwrites: [0] }, [['BatchNormalization', 'X scale B input_mean input_var']]],
  [
    'norm',
    {},
    [
      ['GroupNormalization', 'X scale bias'],
      ['InstanceNormalization', 'input scale B'],
      ['LayerNormalization', 'X Scale ?B'],
      ['SimplifiedLayerNormalization', 'X scale'],
      ['com.microsoft.SimplifiedLayerNormalization', 'X scale'],
      ['LpNormalization', 'input'],
      ['MeanVarianceNormalization', 'X'],
      ['RMSNormalization', 'X scale'],
      ...names('input', 'Hardmax LogSoftmax Softmax'),
      ['com.microsoft.EmbedLayerNormalization', '*'],
      ['com.microsoft.SkipLayerNormalization', 'input skip gamma ?beta ?bias'],
      ['com.microsoft.SkipSimplifiedLayerNormalization', 'input skip gamma ?bias'],
      ['com.microsoft.GroupNorm', 'X gamma beta'],
      ['com.microsoft.SkipGroupNorm', 'X gamma beta skip ?bias'],
      ['com.microsoft.BiasSoftmax', 'data bias'],
      ['com.microsoft.BiasAdd', 'X bias skip'],
      ['com.microsoft.BiasDropout', 'data bias ?residual ?ratio ?training_mode'],
    ],
  ],
  [
    'attention',
    {},
    [
      ['Attention', 'Q K V ?attn_mask ?past_key ?past_value ?nonpad_kv_seqlen'],
      ['RotaryEmbedding', 'X cos_cache sin_cache ?position_ids'],
      ['com.microsoft.Attention', 'input ?weights ?bias ?mask_index ?past ?attention_bias ?past_sequence_length'],
      ['com.microsoft.GroupQueryAttention', '*'],
      ['com.microsoft.MultiHeadAttention', '*'],
      ['com.microsoft.RotaryEmbedding', 'input position_ids cos_cache sin_cache'],
    ],
  ],
  [
    'recurrence',
    {},
    [
      ...names('X W R ?B ?sequence_lens ?initial_h', 'GRU RNN'),
      ['LSTM', 'X W R ?B ?sequence_lens ?initial_h ?initial_c ?P'],
    ],
  ],
  [
    'other',
    {},
    [
      ...names('data', 'ArgMax ArgMin Shape Size'),
      ...names(
        'data ?axes',
        'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare',
      ),
      ...names('size', 'BlackmanWindow HammingWindow HannWindow'),
      ...names('', 'Constant SequenceEmpty'),
      ...names('input', 'ConstantOfShape EyeLike'),
      ['CumSum', 'x axis'],
      ['DFT', 'input ?dft_length ?axis'],
      ['DynamicQuantizeLinear', 'x'],
      ['ImageDecoder', 'encoded_stream'],
      ['MelWeightMatrix', 'num_mel_bins dft_length sample_rate lower_edge_hertz upper_edge_hertz'],
      ['NegativeLogLikelihoodLoss', 'input target ?weight'],
      ['NonMaxSuppression', 'boxes scores ?max_output_boxes_per_class ?iou_threshold ?score_threshold'],
      ['NonZero', 'X'],
      ['OneHot', 'indices depth values'],
      ['Range', 'start limit delta'],
      ['STFT', 'signal frame_step ?window ?frame_length'],
      ['SoftmaxCrossEntropyLoss', 'scores labels ?weights'],
      ['StringSplit', 'X'],
      ['TfIdfVectorizer', 'X'],
      ['TopK', 'X ?K'],
      ['Unique', 'X'],
      ...names('*', 'If Loop Scan'),
    ],
  ],
  // What lists of tensors and values that may be missing are made of: they vanish when a graph is built.
  [
    'other',
    {},
    [
      ...names('*', 'Optional OptionalGetElement OptionalHasElement SequenceAt SequenceConstruct SequenceErase'),
      ...names('*', 'SequenceInsert SequenceLength SequenceMap'),
    ],
  ],
];

function operationOf([name, text]: Row, family: OperationFamily, facts: Facts): Operation {
  const { isView = false, isPure = true, overwrites = [] } = facts;
  const operands = text === '*' || text === '' ? [] : text.split(' ');
  const firstOptional = operands.findIndex((operand) => operand.startsWith('?'));
  return {
    name,
    family,
    isKnown: true,
    operands: operands.length === 0 ? [] : [...operands.map((operand) => operand.replace('?', '')), WORKSPACE],
    requiredCount: firstOptional === -1 ? operands.length : firstOptional,
    isView,
    isPure,
    reusesAny: false,
    overwrites,
    updates: [],
    writesPart: false,
    namesItself: [],
    cut: null,
    termsOf: null,
  };
}

/** Bytes that the next node needs while it runs: nobody reads them as a value. */
export const WORKSPACE_OPERATION: Operation = operationOf(['Workspace', ''], 'other', { isPure: true });

/** Every row, by the full name of the operation. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map(
  [
    WORKSPACE_OPERATION,
    ...GROUPS.flatMap(([family, facts, rows]) => rows.map((row) => operationOf(row, family, facts))),
  ].map((operation) => [operation.name, operation]),
);

/** The row of an operation; undefined if the library does not know it. */
export function findOnnxOperation(name: string): Operation | undefined {
  return OPERATIONS.get(name);
}

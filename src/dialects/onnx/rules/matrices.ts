/**
 * Products of matrices.
 */
import type { ElementType } from '../../../tensor/element-type.js';
import { F32, I32 } from '../element-types.js';
import { broadcastShape } from '../elements.js';
import type { Call, Outcome, Rule } from '../call.js';

/** The shape of a product as NumPy has it: stacks of matrices are repeated to one shape, and vectors lose their one. */
function productShape(call: Call, left: readonly number[], right: readonly number[]): readonly number[] {
  if (left.length === 0 || right.length === 0)
    call.fail('multiplies a single number', 'operands of one dimension at least');
  const [a, b] = [left.length === 1 ? [1, ...left] : left, right.length === 1 ? [...right, 1] : right];
  const stack = broadcastShape([a.slice(0, -2), b.slice(0, -2)]);
  if (a[a.length - 1] !== b[b.length - 2] || stack === null) {
    return call.fail('multiplies matrices that do not fit', 'as many columns of the first as rows of the second');
  }
  const rows = left.length === 1 ? [] : [a[a.length - 2]];
  const columns = right.length === 1 ? [] : [b[b.length - 1]];
  return call.checked([...stack, ...rows, ...columns]);
}

function product(right: number, type: (call: Call) => ElementType): Rule {
  return (call) => [{ type: type(call), shape: productShape(call, call.shape(0), call.shape(right)) }];
}

const firstType = (call: Call): ElementType => call.type(0);

const turned = (shape: readonly number[]): readonly number[] => [...shape.slice(0, -2), ...shape.slice(-2).reverse()];

function gemm(a: number, b: number, type: (call: Call) => ElementType = firstType): Rule {
  return (call) => {
    const left = call.shapeOfRank(a, 2, 2);
    const right = call.shapeOfRank(b, 2, 2);
    const [rows, inner] = call.int('transA', 0) === 1 ? turned(left) : left;
    const [other, columns] = call.int('transB', 0) === 1 ? turned(right) : right;
    if (inner !== other) call.fail('multiplies matrices that do not fit', 'as many columns of A as rows of B');
    return [{ type: type(call), shape: call.checked([rows, columns]) }];
  };
}

/** The first dimension may be moved behind the others before the last two are swapped. */
const fused: Rule = (call) => {
  const side = (slot: number, name: string): readonly number[] => {
    const shape = call.shape(slot);
    const isMoved = call.int(`transBatch${name}`, 0) === 1 && shape.length > 2;
    const moved = isMoved ? [...shape.slice(1, -1), shape[0], shape[shape.length - 1]] : shape;
    return call.int(`trans${name}`, 0) === 1 && shape.length > 1 ? turned(moved) : moved;
  };
  return [{ type: call.type(0), shape: productShape(call, side(0, 'A'), side(1, 'B')) }];
};

const blockQuantized: Rule = (call) => {
  const shape = call.shapeOfRank(0, 1);
  return [{ type: call.type(0), shape: call.checked([...shape.slice(0, -1), call.int('N')]) }];
};

const bitsAndBytes: Rule = (call) => {
  const shape = call.shapeOfRank(0, 1);
  const isTurned = call.int('transB', 1) === 1;
  return [{ type: call.type(0), shape: call.checked([...shape.slice(0, -1), call.int(isTurned ? 'N' : 'K')]) }];
};

/** `...ij,jk->ik`: each letter is a dimension, and `...` stands for those without one. */
const einsum: Rule = (call) => {
  const equation = call.text('equation', '').replaceAll(' ', '');
  const [left, right] = equation.split('->') as [string, string | undefined];
  const terms = left.split(',');
  if (terms.length !== call.inputs.length) call.fail(`computes ${equation}`, 'one term for each operand');
  const lengths = new Map<string, number>();
  let others: readonly number[] = [];
  terms.forEach((term, slot) => {
    const shape = call.shape(slot);
    const letters = [...term.replace('...', '.')];
    const rest = shape.length - letters.filter((letter) => letter !== '.').length;
    if (rest < 0 || (rest > 0 && !letters.includes('.')))
      call.fail(`computes ${equation}`, 'one letter for each dimension');
    let axis = 0;
    for (const letter of letters) {
      if (letter === '.') {
        others =
          broadcastShape([others, shape.slice(axis, axis + rest)]) ??
          call.fail(`computes ${equation}`, 'lengths that agree');
        axis += rest;
        continue;
      }
      const dim = shape[axis++];
      const known = lengths.get(letter) ?? 1;
      if (known !== dim && known !== 1 && dim !== 1) call.fail(`computes ${equation}`, `one length for ${letter}`);
      lengths.set(letter, Math.max(known, dim));
    }
  });
  // Without a right side, letters that stand once are left, in the order of the alphabet.
  const once = [...lengths.keys()].filter((letter) => left.split(letter).length === 2).sort();
  const result = right === undefined ? ['.', ...once] : [...right.replace('...', '.')];
  const shape = result.flatMap((letter) => (letter === '.' ? others : [lengths.get(letter) ?? NaN]));
  return [{ type: call.type(0), shape: call.checked(shape) }];
};

const determinant: Rule = (call): Outcome[] => [{ type: call.type(0), shape: call.shapeOfRank(0, 2).slice(0, -2) }];

export const MATRIX_RULES: Readonly<Record<string, Rule>> = {
  Det: determinant,
  Einsum: einsum,
  Gemm: gemm(0, 1),
  MatMul: product(1, firstType),
  MatMulInteger: product(1, () => I32),
  QLinearMatMul: product(3, (call) => call.type(7)),
  'com.microsoft.DynamicQuantizeMatMul': product(1, firstType),
  'com.microsoft.FusedGemm': gemm(0, 1),
  'com.microsoft.FusedMatMul': fused,
  'com.microsoft.FusedMatMulActivation': fused,
  'com.microsoft.MatMulBnb4': bitsAndBytes,
  'com.microsoft.MatMulIntegerToFloat': product(1, (call) => call.type(2)),
  'com.microsoft.MatMulNBits': blockQuantized,
  'com.microsoft.QGemm': gemm(0, 3, (call) => (call.has(8) ? call.type(8) : F32)),
  'com.microsoft.TransposeMatMul': fused,
};

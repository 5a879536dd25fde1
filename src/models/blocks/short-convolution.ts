/**
 * A short convolution along the tokens, between two gates that depend on the token.
 *
 *     x ─► in ─┬─► b ─┐
 *              ├─► x ─ × ─► convolution ─┐
 *              └─► c ─────────────────── × ─► out
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's short convolution of LFM2.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { withStates, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer } from '../model-builder.js';
import { product } from './linear.js';
import { fetchState, storeColumns, type StateInputs } from './recurrent-state.js';

export interface ShortConvolutionHyperparameters extends Hyperparameters {
  /** Tokens that the convolution sees. */
  readonly convolutionWidth: number;
}

/** The model with convolutions in layers without heads. @throws PlannerError `BAD_MODEL` */
export function withShortConvolutions(reader: MetadataReader, hp: Hyperparameters): ShortConvolutionHyperparameters {
  const convolutionWidth = reader.integer('shortconv.l_cache');
  if (convolutionWidth < 2) reader.refuse('shortconv.l_cache', 'at least 2');
  const lengths = { convolution: (convolutionWidth - 1) * hp.embeddingLength, scan: 0 };
  return { ...withStates(hp, lengths), convolutionWidth };
}

/**
 * One layer for all sequences of the batch, which have equally many tokens.
 *
 * @param label what the names of results begin with
 */
export function shortConvolution(
  s: Layer<ShortConvolutionHyperparameters>,
  inputs: StateInputs,
  x: Tensor,
  label: string,
): Tensor {
  const { ctx, hp, model } = s;
  const { sequences, tokens } = model.batch;
  const { embeddingLength: length, convolutionWidth } = hp;
  const grouped = ctx.reshape(x, [length, tokens / sequences, sequences]);
  const all = s.named(product(s, 'shortconv.in_proj', grouped, 3 * length), `${label}conv.in_proj`);
  const part = (index: number): Tensor =>
    ctx.view(all, [length, all.ne[1], all.ne[2]], [all.nb[1], all.nb[2]], index * length * all.nb[0]);
  const [b, c, value] = [part(0), part(1), part(2)];
  const fresh = ctx.transpose(ctx.mul(b, value));
  const { convolution: state } = model.memory.state!.of(s.index);
  const last = ctx.reshape(fetchState(s, inputs, state), [convolutionWidth - 1, length, sequences]);
  const seen = hp.isCausal ? ctx.concat(last, fresh, 0) : centred(s, last, fresh);
  // Of a window that looks ahead, llama.cpp takes no snapshots.
  storeColumns(s, seen, state, hp.isCausal ? {} : { earlier: [0] });
  const kernel = s.weight('shortconv.conv.weight', [convolutionWidth, length]);
  const convolved = s.named(ctx.ssmConv(seen, kernel), `${label}conv.conv`);
  const out = s.named(product(s, 'shortconv.out_proj', ctx.mul(c, convolved), length), `${label}conv.out_proj`);
  return ctx.reshape(out, [length, tokens]);
}

/** Half of what the convolution sees comes after the token: there are zeros after the last one. */
function centred({ ctx }: Layer, last: Tensor, fresh: Tensor): Tensor {
  const [width, length, sequences] = last.ne;
  const half = Math.floor(width / 2);
  const nb = [last.nb[1], last.nb[2]];
  const before = ctx.cont(ctx.view(last, [half, length, sequences], nb, (width - half) * last.nb[0]));
  return ctx.pad(ctx.concat(before, fresh, 0), [half, 0, 0, 0]);
}

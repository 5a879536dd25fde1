/**
 * Decoders with rotary positions: what surrounds their blocks, and the blocks of Llama and its kin as parts.
 */
import type { Builder, Module } from '../builder.js';
import { add } from '../eager/ops/element-wise.js';
import type { Value } from '../eager/value.js';
import {
  attend,
  causalLoss,
  causalMask,
  findPackedTexts,
  joinHeads,
  positions,
  runBlocks,
  splitHeads,
} from './blocks.js';
import type { Program } from './family.js';
import { frequencies, rotate, rotation, type Rotation } from './rotary.js';

/** What all blocks of a step share. */
export interface Context {
  /** Null of fused attention. */
  readonly mask: Value | null;
  readonly rotation: Rotation;
  /** The rotation of blocks with a sliding window, where these have their own. */
  readonly slidingRotation: Rotation;
}

/** What makes up a decoder. */
export interface Decoder {
  readonly prefix: string;
  readonly tokens: string;
  readonly norm: string;
  readonly head: string;
  readonly makeNorm: (b: Builder, name: string, width?: number) => Module;
  /** The block of an index; the context is there once a step has begun. */
  readonly block: (b: Builder, name: string, context: () => Context) => Module;
  /** Whether blocks with a sliding window turn by a table of their own. */
  readonly hasSlidingRotation?: boolean;
  /** What happens to the embeddings before the first block. */
  readonly enter?: (b: Builder, x: Value) => Value;
  /** What happens to the logits. */
  readonly leave?: (b: Builder, logits: Value) => Value;
}

/** The program of a decoder. */
export function decoderProgram(b: Builder, decoder: Decoder): Program {
  const { tape: t, model, run } = b;
  const { prefix } = decoder;
  const tokens = b.embedding(`${prefix}.${decoder.tokens}`, model.vocab, model.hidden);
  let context: Context | null = null;
  const blocks = Array.from({ length: model.layers }, (_, index) =>
    decoder.block(b, `${prefix}.layers.${index}`, () => context!),
  );
  const norm = decoder.makeNorm(b, `${prefix}.${decoder.norm}`);
  const frequency = frequencies(b, `${prefix}.rotary_emb`, model.rotaryDim);
  const sliding = decoder.hasSlidingRotation ? frequencies(b, `${prefix}.rotary_emb_local`, model.rotaryDim) : null;
  const head = model.tiedEmbeddings
    ? tokens.weight
    : b.parameter(`${decoder.head}.weight`, [model.vocab, model.hidden]);
  const ids = b.input('input_ids', [run.batch, run.sequence]);
  const body = (): Value =>
    t.frame((hold) => {
      const embedded = hold(b.entering(tokens.rows(ids)));
      const positionIds = hold(positions(t, run.sequence));
      findPackedTexts(t, positionIds, run.batch);
      const mask = run.attention === 'eager' ? hold(causalMask(t, run.batch, run.sequence, embedded.type)) : null;
      const turns = rotation(t, frequency, positionIds, embedded.type);
      const slidingTurns = sliding === null ? turns : rotation(t, sliding, positionIds, embedded.type);
      for (const { cos, sin } of [turns, slidingTurns]) for (const table of [cos, sin]) hold(table);
      context = { mask, rotation: turns, slidingRotation: slidingTurns };
      const held = [
        turns.cos,
        turns.sin,
        slidingTurns.cos,
        slidingTurns.sin,
        positionIds,
        ...(mask === null ? [] : [mask]),
      ];
      const x = decoder.enter === undefined ? embedded : decoder.enter(b, embedded);
      return t.frame((holdLast) => norm(holdLast(runBlocks(b, blocks, x, held))));
    });
  return () =>
    t.frame((hold) => {
      const leave = decoder.leave === undefined ? undefined : (logits: Value): Value => decoder.leave!(b, logits);
      return causalLoss(b, hold(body()), { weight: head, leave }, ids);
    });
}

/** Names of the projections of attention, and what happens to the heads before they are turned. */
export interface AttentionParts {
  readonly headNorm?: ((b: Builder, name: string, width: number) => Module) | undefined;
  readonly capsScores?: boolean;
  /** The rotation that the block uses. Default: that of all blocks */
  readonly rotationOf?: (context: Context) => Rotation;
}

/** Attention with a projection each for queries, keys and values. */
export function rotaryAttention(
  b: Builder,
  name: string,
  context: () => Context,
  { headNorm, capsScores = false, rotationOf = ({ rotation }) => rotation }: AttentionParts = {},
): Module {
  const { tape: t } = b;
  const { hidden, heads, kvHeads, headDim, attentionBias } = b.model;
  const q = b.linear(`${name}.q_proj`, hidden, heads * headDim, attentionBias.qkv);
  const k = b.linear(`${name}.k_proj`, hidden, kvHeads * headDim, attentionBias.qkv);
  const v = b.linear(`${name}.v_proj`, hidden, kvHeads * headDim, attentionBias.qkv);
  const output = b.linear(`${name}.o_proj`, heads * headDim, hidden, attentionBias.output);
  const [normOfQ, normOfK] = ['q_norm', 'k_norm'].map((part) => headNorm?.(b, `${name}.${part}`, headDim));
  const project = (x: Value, layer: Module, count: number, norm: Module | undefined): Value =>
    splitHeads(t, layer(x), count, norm);
  return (x) =>
    t.frame((hold) => {
      hold(x);
      const rawQuery = project(x, q, heads, normOfQ);
      const rawKey = project(x, k, kvHeads, normOfK);
      const value = hold(project(x, v, kvHeads, undefined));
      const shared = context();
      const [query, key] = rotate(t, rawQuery, rawKey, rotationOf(shared));
      hold(query);
      hold(key);
      return output(joinHeads(t, attend(t, { query, key, value, mask: shared.mask, softmaxInF32: true, capsScores })));
    });
}

/** A block of two parts, each of which normalises what it reads. */
export function twoParts(b: Builder, attention: Module, feed: Module, norm1: Module, norm2: Module): Module {
  const { tape: t } = b;
  return (x) =>
    t.frame((hold) => {
      const middle = hold(add(t, x, attention(norm1(x))));
      return add(t, middle, feed(norm2(middle)));
    });
}

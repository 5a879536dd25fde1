/**
 * U-Nets: Stable Diffusion 1.5, 2 and XL, with or without motion modules.
 *
 *     x ─► down ─► down ─► middle ─► up ─► up ─► result
 *             └──────┴──────────────┴─────┘    what a level yields on the way down joins it on the way up
 *
 * Invariant: order and names are those of stable-diffusion.cpp's `UnetModelBlock` and `UNetModelRunner`.
 */
import type { Graph } from '../../../graph/graph.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { motionModule, type MotionSettings } from '../blocks/motion-module.js';
import { convolution2d, siluPair, timestepEmbedding } from '../blocks/layers.js';
import { doubled, halvedEvenly, normedConvolution, timedResnet } from '../blocks/resnet.js';
import { spatialTransformer } from '../blocks/spatial-transformer.js';
import type { GraphContext, Scope } from '../graph-context.js';

/** The numbers of a U-Net. */
export interface UnetDescription {
  readonly kind: 'unet';
  /** Channels of the latent image. */
  readonly latentChannels: number;
  /** Channels of what is given along with the latent image, such as a mask. */
  readonly conditionChannels: number;
  /** Channels of the first level. */
  readonly channels: number;
  /** Channels of each level, in those of the first. */
  readonly multipliers: readonly number[];
  /** Blocks of each transformer on the way down, by level; 0: no transformer. */
  readonly depthsDown: readonly (readonly number[])[];
  /** Blocks of the transformer in the middle; 0: the middle is one residual block. */
  readonly depthMiddle: number;
  /** Blocks of each transformer on the way up, by level of the way down. */
  readonly depthsUp: readonly (readonly number[])[];
  /** Heads of each transformer, or the elements of one head. */
  readonly heads: { readonly count: number } | { readonly length: number };
  /** Elements of each row of the prompt. */
  readonly contextLength: number;
  /** Elements of what is given of the whole image, such as its size; 0: nothing is. */
  readonly vectorLength: number;
  readonly hasLinearProjection: boolean;
  /** Motion modules of AnimateDiff. Null: none. */
  readonly motion: MotionDescription | null;
}

/** The numbers of all motion modules of a U-Net. */
export interface MotionDescription extends MotionSettings {
  /** Whether there is one in the middle, as in the second version. */
  readonly hasMiddle: boolean;
}

/** What a U-Net is given. */
export interface UnetInputs {
  /** In latent pixels. */
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** Rows of the prompt. */
  readonly contextTokens: number;
  /** Time steps and prompts: 1, or one for each frame. */
  readonly conditions: number;
}

/** The graph of one step. */
export function buildUnet(g: GraphContext, model: UnetDescription, inputs: UnetInputs): Graph {
  const { ctx, top } = g;
  const { width, height, frames, contextTokens, conditions } = inputs;
  const image = g.input('f32', [width, height, model.latentChannels, frames]);
  const timesteps = g.input('f32', [conditions]);
  const given = g.input('f32', [model.contextLength, contextTokens, conditions]);
  const context = conditions === frames ? given : ctx.repeat(given, [model.contextLength, contextTokens, frames]);
  const unet = new Unet(top, model, embedTime(top, model, timesteps), context);
  return g.finish(unet.run(joinCondition(g, model, image)));
}

function joinCondition(g: GraphContext, { conditionChannels }: UnetDescription, image: Tensor): Tensor {
  if (conditionChannels === 0) return image;
  const [width, height, , frames] = image.ne;
  const condition = g.input('f32', [width, height, conditionChannels, 1]);
  const ne = [width, height, conditionChannels, frames];
  return g.ctx.concat(image, frames === 1 ? condition : g.ctx.repeat(condition, ne), 2);
}

/** The time step, and what is given of the whole image, as one row. */
function embedTime(s: Scope, { channels, vectorLength }: UnetDescription, timesteps: Tensor): Tensor {
  const { ctx } = s;
  const length = 4 * channels;
  const waves = timestepEmbedding(s, timesteps, channels);
  const time = siluPair(s.at('time_embed.0'), s.at('time_embed.2'), waves, length);
  if (vectorLength === 0) return time;
  const vector = s.g.input('f32', [vectorLength]);
  return ctx.add(time, siluPair(s.at('label_emb.0.0'), s.at('label_emb.0.2'), vector, length));
}

/** One pass through the levels. */
class Unet {
  constructor(
    readonly top: Scope,
    readonly model: UnetDescription,
    readonly time: Tensor,
    readonly context: Tensor,
  ) {}

  run(image: Tensor): Tensor {
    const { top, model } = this;
    const first = convolution2d(top.at('input_blocks.0.0'), image, model.channels);
    top.markCut(first, 'unet.input_blocks.0', 'h');
    top.ctx.setName(first, 'bench-start');
    const skipped = [first];
    const middle = this.#middle(this.#down(first, skipped));
    const last = this.#up(middle, skipped);
    const result = normedConvolution(top.at('out.0'), top.at('out.2'), last, model.latentChannels);
    return top.ctx.setName(result, 'bench-end');
  }

  #down(first: Tensor, skipped: Tensor[]): Tensor {
    const { top, model } = this;
    let [x, block] = [first, 0];
    for (const [level, depths] of model.depthsDown.entries()) {
      for (const [index, depth] of depths.entries()) {
        block++;
        x = this.#blockAt(top.at(`input_blocks.${block}`), x, model.multipliers[level] * model.channels, depth);
        x = this.#moved(`down_blocks.${level}.motion_modules.${index}`, x);
        top.markCut(x, `unet.input_blocks.${block}`, 'h');
        skipped.push(x);
      }
      if (level === model.depthsDown.length - 1) continue;
      block++;
      x = halvedEvenly(top.at(`input_blocks.${block}.0`), x);
      skipped.push(x);
    }
    return x;
  }

  #middle(x: Tensor): Tensor {
    const { model, time } = this;
    const s = this.top.at('middle_block');
    const channels = x.ne[2];
    let result = timedResnet(s.at('0'), x, time, channels);
    if (model.depthMiddle > 0) {
      result = timedResnet(s.at('2'), this.#transformed(s.at('1'), result, model.depthMiddle), time, channels);
    }
    if (model.motion?.hasMiddle === true) result = this.#moved('mid_block.motion_modules.0', result);
    return s.markCut(result, 'unet.middle_block', 'h');
  }

  #up(middle: Tensor, skipped: Tensor[]): Tensor {
    const { top, model } = this;
    const { ctx } = top;
    let [x, block] = [middle, 0];
    const levelCount = model.depthsUp.length;
    for (let level = levelCount - 1; level >= 0; level--) {
      for (const [index, depth] of model.depthsUp[level].entries()) {
        const joined = ctx.concat(x, skipped.pop()!, 2);
        x = this.#blockAt(top.at(`output_blocks.${block}`), joined, model.multipliers[level] * model.channels, depth);
        x = this.#moved(`up_blocks.${levelCount - 1 - level}.motion_modules.${index}`, x);
        const isLast = index === model.depthsUp[level].length - 1;
        if (level > 0 && isLast) x = doubled(top.at(`output_blocks.${block}.${depth > 0 ? 2 : 1}`), x);
        top.markCut(x, `unet.output_blocks.${block}`, 'h');
        block++;
      }
    }
    return x;
  }

  /** A residual block, and a transformer if `depth` is above 0. */
  #blockAt(s: Scope, x: Tensor, channels: number, depth: number): Tensor {
    const result = timedResnet(s.at('0'), x, this.time, channels);
    return depth > 0 ? this.#transformed(s.at('1'), result, depth) : result;
  }

  #transformed(s: Scope, x: Tensor, depth: number): Tensor {
    const { heads: wanted, hasLinearProjection } = this.model;
    const heads = 'count' in wanted ? wanted.count : x.ne[2] / wanted.length;
    return spatialTransformer(s, x, this.context, { depth, heads, hasLinearProjection });
  }

  /** `x` after a motion module, if the model has any and there is more than one frame. */
  #moved(name: string, x: Tensor): Tensor {
    const { motion } = this.model;
    return motion === null || x.ne[3] === 1 ? x : motionModule(this.top.at(`motion_module.${name}`), x, motion);
  }
}

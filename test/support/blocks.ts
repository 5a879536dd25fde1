/**
 * Small graphs of blocks that real models are made of, with random sizes: what passes that split graphs are tried on.
 */
import { Context, Graph, type Tensor } from '../../src/index.js';
import { createRandom } from '../../src/solver/random.js';

type Int = (least: number, most: number) => number;

/** Draws integers, the same for the same seed. */
export function integers(seed: number): Int {
  const random = createRandom(seed);
  return (least, most) => least + Math.floor(random() * (most - least + 1));
}

class Blocks {
  readonly ctx = Context.deferred();
  /** Weights and caches are outside the plan. */
  readonly weights = Context.virtual();
  readonly int: Int;

  constructor(int: Int) {
    this.int = int;
  }

  weight(...ne: number[]): Tensor {
    return this.weights.newTensor('f32', ne);
  }

  norm(x: Tensor): Tensor {
    return this.ctx.mul(this.ctx.rmsNorm(x, 1e-5), this.weight(x.ne[0]));
  }

  mlp(x: Tensor): Tensor {
    const { ctx } = this;
    const hidden = x.ne[0] * this.int(2, 6);
    const h = this.norm(x);
    const gate = ctx.mulMat(this.weight(x.ne[0], hidden), h);
    const wide = this.int(0, 1) === 0 ? ctx.swiglu(gate, ctx.mulMat(this.weight(x.ne[0], hidden), h)) : ctx.gelu(gate);
    return ctx.add(ctx.mulMat(this.weight(hidden, x.ne[0]), wide), x);
  }

  attention(x: Tensor): Tensor {
    const { ctx, int } = this;
    const [size, tokens] = [4, x.ne[1]];
    const own = int(1, 2);
    const heads = own * int(1, 3);
    const cells = tokens + int(0, 6);
    const h = this.norm(x);
    const positions = ctx.setInput(ctx.newTensor('i32', [tokens]));
    const q = ctx.reshape(ctx.mulMat(this.weight(x.ne[0], size * heads), h), [size, heads, tokens]);
    const turned = ctx.permute(ctx.rope(q, positions, size, {}), [0, 2, 1, 3]);
    const k = this.weight(size, cells, own);
    const mask = ctx.setInput(ctx.newTensor('f32', [cells, tokens]));
    const scores = ctx.softMax(ctx.mulMat(k, turned), { mask, scale: 0.5 });
    const mixed = ctx.mulMat(this.weight(cells, size, own), scores);
    const joined = ctx.cont(ctx.permute(mixed, [0, 2, 1, 3]), [size * heads, tokens]);
    return ctx.add(ctx.mulMat(this.weight(size * heads, x.ne[0]), joined), x);
  }

  flashAttention(x: Tensor): Tensor {
    const { ctx, int } = this;
    const [size, tokens, heads, cells] = [4, x.ne[1], int(1, 4), int(3, 9)];
    const q = ctx.reshape(ctx.mulMat(this.weight(x.ne[0], size * heads), this.norm(x)), [size, heads, tokens]);
    const [k, v] = [this.weight(size, cells, heads), this.weight(size, cells, heads)];
    const found = ctx.flashAttn(ctx.permute(q, [0, 2, 1, 3]), k, v, { scale: 0.5 });
    return ctx.add(ctx.mulMat(this.weight(size * heads, x.ne[0]), ctx.reshape(found, [size * heads, tokens])), x);
  }

  experts(x: Tensor): Tensor {
    const { ctx } = this;
    const [count, used, tokens, hidden] = [4, 2, x.ne[1], 2 * x.ne[0]];
    const h = this.norm(x);
    const probabilities = ctx.softMax(ctx.mulMat(this.weight(x.ne[0], count), h));
    const ids = ctx.argsortTopK(probabilities, used);
    const shares = ctx.getRows(ctx.reshape(probabilities, [1, count, tokens]), ids);
    const each = ctx.reshape(h, [x.ne[0], 1, tokens]);
    const gate = ctx.mulMatId(this.weight(x.ne[0], hidden, count), each, ids);
    const up = ctx.mulMatId(this.weight(x.ne[0], hidden, count), each, ids);
    const down = ctx.mulMatId(this.weight(hidden, x.ne[0], count), ctx.swiglu(gate, up), ids);
    const weighted = ctx.mul(down, shares);
    const part = (index: number): Tensor => {
      return ctx.view(weighted, [x.ne[0], tokens], [weighted.nb[2]], index * weighted.nb[1]);
    };
    return ctx.add(ctx.add(part(0), part(1)), x);
  }

  /** Convolutions of an image, by patches or direct, with a residual around two of them. */
  convolutions(x: Tensor): Tensor {
    const { ctx, int } = this;
    const channels = x.ne[2];
    const side = [1, 3, 3, 5][int(0, 3)];
    const options = { padding: (side - 1) / 2 };
    const convolved = (input: Tensor): Tensor => {
      const kernel = this.weight(side, side, channels, channels);
      return int(0, 1) === 0 ? ctx.conv2d(kernel, input, options) : ctx.conv2dDirect(kernel, input, options);
    };
    return ctx.add(convolved(ctx.silu(convolved(ctx.relu(x)))), x);
  }
}

/** A graph of a few blocks, a transformer or an image network, ending in logits or in an image. */
export function blockGraph(seed: number): Graph {
  const blocks = new Blocks(integers(seed));
  const { ctx, int } = blocks;
  const count = int(1, 3);
  if (int(0, 2) === 0) {
    let x = ctx.setInput(ctx.newTensor('f32', [int(5, 9), int(6, 16), int(1, 3), int(1, 2)]));
    for (let index = 0; index < count; index++) x = blocks.convolutions(x);
    if (int(0, 1) === 0) x = ctx.relu(ctx.upscale(x, 2));
    return Graph.forward(ctx.setOutput(ctx.add(x, ctx.sqr(x))));
  }
  const kinds = ['mlp', 'attention', 'flashAttention', 'experts'] as const;
  let x = ctx.setInput(ctx.newTensor('f32', [int(2, 4) * 2, int(3, 24)]));
  for (let index = 0; index < count; index++) x = blocks[kinds[int(0, 3)]](x);
  const logits = ctx.mulMat(blocks.weight(x.ne[0], int(8, 40)), blocks.norm(x));
  return Graph.forward(ctx.setOutput(logits));
}

/**
 * Falcon-H1: attention and a scan side by side in each layer, then the network.
 */
import { attend, projectHeads } from '../blocks/attention.js';
import { headScan } from '../blocks/head-scan.js';
import { keepWanted } from '../blocks/inputs.js';
import { norm } from '../blocks/norm.js';
import { turn } from '../blocks/rope.js';
import { decoder, network } from '../decoder/decoder.js';
import type { Block, BlockMaker, DecoderInputs, DecoderRecipe } from '../decoder/recipe.js';
import { withHeads } from '../hyperparameters.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import { withHeadScan, type ScanHyperparameters } from '../scan.js';

const FALCON_H1 = {
  rope: { mode: 'neox' },
  layer: layerOfFalconH1,
  feedForward: { bias: 'optional' },
  // Every layer has a state and a cache.
  adjust: (hp, reader) => withHeads(withHeadScan(reader, hp, { layers: 'all' }), (_, layer) => ({ cacheLayer: layer })),
  end: ignoreUnread,
} satisfies DecoderRecipe<ScanHyperparameters>;

export const falconH1 = decoder<ScanHyperparameters>(FALCON_H1);

function layerOfFalconH1(m: ModelBuilder<ScanHyperparameters>, inputs: DecoderInputs): Block<ScanHyperparameters> {
  const attention = attentionOfFalconH1(m, inputs);
  const { states, wanted } = inputs;
  return (s, x) => {
    const { ctx } = s;
    const attended = attention(s, s.named(norm(s, 'attn_norm', x), 'attn_norm'));
    const normed = s.named(norm(s, 'attn_norm', x), 'ssm_in');
    const scanned = s.named(headScan(s, states, normed, 'optional'), 'ssm_out');
    const mixed = s.named(ctx.add(attended, scanned), 'layer_out');
    const [kept] = keepWanted(s, wanted, ctx.add(mixed, x));
    const sum = s.named(kept, 'ffn_inp');
    const ready = s.named(norm(s, 'ffn_norm', sum, { isBare: true }), 'ffn_norm');
    return s.named(ctx.add(network(s, ready, FALCON_H1), sum), 'l_out');
  };
}

const attentionOfFalconH1: BlockMaker<ScanHyperparameters> =
  (_, { positions, attention }) =>
  (s, x) => {
    const { q, k, v } = projectHeads(s, x);
    const heads = {
      q: s.named(turn(s, q, positions), 'Qcur-post-rope'),
      k: s.named(turn(s, k, positions), 'Kcur-post-rope'),
      v: s.named(v, 'Vcur-post-rope'),
    };
    return s.named(attend(s, attention, heads, { scale: 1 / Math.sqrt(s.heads.valueLength) }), 'attn_out');
  };

/** A file may hold divisors of frequencies, and biases of attention's last matrix, that no operation reads. */
function ignoreUnread(m: ModelBuilder<ScanHyperparameters>): void {
  const unread = (s: Layer<ScanHyperparameters>): void => {
    s.optionalWeight('attn_output.bias', [s.hp.embeddingLength]);
    m.top.optionalWeight('rope_freqs.weight', [Math.floor(s.heads.ropeLength / 2)], s.index);
  };
  for (const s of m.layers()) unread(s);
}

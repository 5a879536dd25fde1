/**
 * Mamba, and the models whose layers are scans or attention.
 */
import { headScan } from '../blocks/head-scan.js';
import { keepWanted } from '../blocks/inputs.js';
import { norm } from '../blocks/norm.js';
import { selectiveScan } from '../blocks/selective-scan.js';
import { decoder, decoderAttention, network } from '../decoder/decoder.js';
import type { BlockMaker, DecoderRecipe } from '../decoder/recipe.js';
import { withFirstHeadCount } from '../hyperparameters.js';
import { withHeadScan, withScan, type ScanHyperparameters } from '../scan.js';

/** A layer that is nothing but a scan. */
function scanAlone<H extends ScanHyperparameters>(scan: BlockMaker<H>): BlockMaker<H> {
  return (m, inputs) => {
    const block = scan(m, inputs);
    return (s, x) => {
      const scanned = block(s, s.named(norm(s, 'attn_norm', x), 'attn_norm'));
      const [kept, residual] = keepWanted(s, inputs.wanted, scanned, x);
      return s.named(s.ctx.add(kept, residual), 'l_out');
    };
  };
}

interface MambaHyperparameters extends ScanHyperparameters {
  /** Whether step, B and C are normalised. */
  readonly hasNormedGates: boolean;
}

/** Mamba: no attention, no feed-forward network, only selective scans. */
export const mamba = decoder<MambaHyperparameters>({
  headRules: null,
  layer: scanAlone<MambaHyperparameters>(
    (m, { states }) =>
      (s, x) =>
        selectiveScan(s, states, x, m.hp.hasNormedGates ? { weight: 'none' } : null),
  ),
  adjust: (hp, reader) => ({
    ...withScan(reader, hp, { isTwiceAsWide: true, layers: 'all' }),
    hasNormedGates: reader.flag('ssm.dt_b_c_rms', false),
  }),
});

/** Mamba 2: heads with one step and one decay each. */
export const mamba2 = decoder<ScanHyperparameters>({
  headRules: null,
  layer: scanAlone<ScanHyperparameters>(
    (_, { states }) =>
      (s, x) =>
        headScan(s, states, x),
  ),
  adjust: (hp, reader) => withHeadScan(reader, hp, { layers: 'all' }),
});

const JAMBA = {
  rope: null,
  headRules: { isVaried: true, isAsWideAsEmbedding: true },
  recurrence:
    (_, { states }) =>
    (s, x) =>
      selectiveScan(s, states, x, { weight: 'required' }),
  experts: { layers: 'with-router' },
  adjust: (hp, reader) => withScan(reader, withFirstHeadCount(hp), { isTwiceAsWide: true }),
} satisfies DecoderRecipe<ScanHyperparameters>;

/** Jamba: scans and attention without turns. The name of the first sum goes to what is added instead. */
export const jamba = decoder<ScanHyperparameters>({
  ...JAMBA,
  layer: (m, inputs) => {
    const mix = decoderAttention<ScanHyperparameters>(JAMBA)(m, inputs);
    return (s, x) => {
      const mixed = mix(s, s.named(norm(s, 'attn_norm', x), 'attn_norm'));
      const [kept, residual] = keepWanted(s, inputs.wanted, mixed, x);
      const sum = s.ctx.add(residual, s.named(kept, 'ffn_inp'));
      const fed = network(s, s.named(norm(s, 'ffn_norm', sum), 'ffn_norm'), JAMBA);
      return s.named(s.ctx.add(sum, fed), 'l_out');
    };
  },
});

/**
 * Limits of gated networks, which some files give for every layer.
 */
import type { MetadataReader } from './metadata-reader.js';

export interface GateLimits {
  /** Of experts, by layer; 0: none. */
  readonly experts: readonly number[];
  /** Of dense networks and of the experts that every token goes through. */
  readonly others: readonly number[];
  /** What is limited from above besides up: the gate, or what silu makes of it. */
  readonly of: 'gate' | 'activated';
}

/** A limit of one network. */
export interface GateLimit extends Pick<GateLimits, 'of'> {
  readonly value: number;
}

/** Limits at most this large are none. */
const LEAST_LIMIT = 1e-6;

/** The numbers of a model that this file reads. */
interface LayerCounts {
  readonly layerCount: number;
  readonly predictLayerCount: number;
}

/** With the limits that the file may give. @throws PlannerError `BAD_MODEL` */
export function withGateLimits<H extends LayerCounts>(reader: MetadataReader, hp: H, of: GateLimits['of']): H {
  const limits = (part: string): readonly number[] =>
    reader.numberPerLayer(`swiglu_clamp_${part}`, hp.layerCount + hp.predictLayerCount, 0);
  return { ...hp, gateLimits: { experts: limits('exp'), others: limits('shexp'), of } };
}

/** The limit of a layer's experts, or of its other networks; null: none. */
export function gateLimitOf(limits: GateLimits | null, part: 'experts' | 'others', layer: number): GateLimit | null {
  if (limits === null || limits[part][layer] <= LEAST_LIMIT) return null;
  return { value: limits[part][layer], of: limits.of };
}

/**
 * Limits of gated networks, which some files give for every layer.
 */
import type { MetadataReader } from './metadata-reader.js';

/** What a model has that may have limits. */
interface Limited {
  readonly layerCount: number;
  readonly predictLayerCount: number;
  readonly gateLimits: GateLimits | null;
}

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

/** With the limits that the file gives. @throws PlannerError `BAD_MODEL` */
export function withGateLimits<H extends Limited>(reader: MetadataReader, hp: H, of: GateLimits['of']): H {
  const limits = (key: string): readonly number[] =>
    reader.numberPerLayer(key, hp.layerCount + hp.predictLayerCount, 0);
  return { ...hp, gateLimits: { experts: limits('swiglu_clamp_exp'), others: limits('swiglu_clamp_shexp'), of } };
}

/** The limit of a layer's experts, or of its other networks; null: none. */
export function gateLimitOf(
  { gateLimits }: Limited,
  part: 'experts' | 'others',
  layer: number,
): GateLimit | null {
  const value = gateLimits?.[part][layer] ?? 0;
  return value > LEAST_LIMIT ? { value, of: gateLimits!.of } : null;
}

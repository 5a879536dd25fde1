/**
 * The numbers that a file gives about mixtures of experts.
 */
import type { MetadataReader } from './metadata-reader.js';

/** The function that turns the router's scores into shares. */
export type Gating = 'softmax' | 'sigmoid' | 'softmax-of-chosen' | 'sqrt-softplus';

export interface ExpertHyperparameters {
  readonly count: number;
  /** Experts that each token goes through. */
  readonly used: number;
  /** Groups that experts form; tokens choose groups first if there is more than one. */
  readonly groups: number;
  readonly usedGroups: number;
  /** Elements of an expert's row between up and down; 0: as many as a dense network of the layer has. */
  readonly length: number;
  /** Elements of the row of the experts that every token goes through; 0: there are none. */
  readonly sharedLength: number;
  readonly gating: Gating;
  /** Whether the shares of the chosen experts are made to add up to 1. */
  readonly isNormalised: boolean;
  /** Factor of the experts' shares; 0 and 1: none. */
  readonly scale: number;
  /** Layers at the beginning that have no experts. */
  readonly denseLayers: number;
}

/** llama.cpp's limit on experts. */
const MAX_EXPERTS = 1024;

/** What llama.cpp reads of every model; null if it is dense. @throws PlannerError `BAD_MODEL` */
export function readExperts(reader: MetadataReader): ExpertHyperparameters | null {
  const count = reader.integer('expert_count', 0);
  const used = reader.integer('expert_used_count', 0);
  const groups = reader.integer('expert_group_count', 0);
  const usedGroups = reader.integer('expert_group_used_count', 0);
  if (count === 0) {
    if (used !== 0) reader.refuse('expert_used_count', '0 in a model without experts');
    if (groups !== 0) reader.refuse('expert_group_count', '0 in a model without experts');
    return null;
  }
  if (count > MAX_EXPERTS) reader.refuse('expert_count', `at most ${MAX_EXPERTS}`);
  if (used < 1 || used > count) reader.refuse('expert_used_count', `from 1 to ${count}, the number of experts`);
  if (groups >= count) reader.refuse('expert_group_count', `less than ${count}, the number of experts`);
  if (groups > 1) {
    if (count % groups !== 0) reader.refuse('expert_group_count', `a divisor of ${count}, the number of experts`);
    if (usedGroups < 1 || usedGroups >= groups) reader.refuse('expert_group_used_count', `from 1 to ${groups - 1}`);
  }
  const shares = { gating: 'softmax', isNormalised: false, scale: 0 } as const;
  return { count, used, groups, usedGroups, length: 0, sharedLength: 0, ...shares, denseLayers: 0 };
}

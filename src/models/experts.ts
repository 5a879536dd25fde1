/**
 * The numbers that a file gives about mixtures of experts.
 */
import type { MetadataReader } from './metadata-reader.js';

export interface ExpertHyperparameters {
  readonly count: number;
  /** Experts that each token goes through. */
  readonly used: number;
  /** Groups that experts form; tokens choose groups first if there is more than one. */
  readonly groups: number;
  readonly usedGroups: number;
  /** Factor of the experts' shares; 0 and 1: none. Only some architectures read it. */
  readonly scale: number;
}

/** llama.cpp's limit on experts. */
const MAX_EXPERTS = 512;

/** Null if the model is dense. @throws PlannerError `BAD_MODEL` */
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
  return { count, used, groups, usedGroups, scale: 0 };
}

/** The experts of an architecture that must have some. @throws PlannerError `BAD_MODEL` */
export function requireExperts(reader: MetadataReader, experts: ExpertHyperparameters | null): ExpertHyperparameters {
  return experts ?? reader.refuse('expert_count', 'at least 1 in this architecture');
}

/**
 * What a file says about mixtures of experts.
 */
import { PlannerError } from '../errors.js';
import type { MetadataReader } from './metadata-reader.js';

export interface ExpertHyperparameters {
  readonly count: number;
  /** Experts that each token goes through. */
  readonly used: number;
  /** Groups that experts form; tokens choose groups first if there is more than one. */
  readonly groups: number;
  readonly usedGroups: number;
  /** Factor of the experts' shares; 0 and 1: none. Only some architectures look for it in the file. */
  readonly scale: number;
}

/** llama.cpp's limit. */
const MAX_EXPERTS = 512;

/** Null if the model is dense. @throws PlannerError `BAD_MODEL` */
export function readExperts(reader: MetadataReader): ExpertHyperparameters | null {
  const count = reader.integer('expert_count', 0);
  if (count === 0) return null;
  const experts = {
    count,
    used: reader.positive('expert_used_count'),
    groups: reader.integer('expert_group_count', 0),
    usedGroups: reader.integer('expert_group_used_count', 0),
    scale: 0,
  };
  check('expert_count', count, count <= MAX_EXPERTS, `at most ${MAX_EXPERTS}`);
  check('expert_used_count', experts.used, experts.used <= count, `at most ${count}, the number of experts`);
  if (experts.groups <= 1) return experts;
  check('expert_group_count', experts.groups, count % experts.groups === 0, `a divisor of ${count} experts`);
  check('expert_group_count', experts.groups, experts.groups < count, `less than ${count} experts`);
  const isFewer = experts.usedGroups > 0 && experts.usedGroups < experts.groups;
  check('expert_group_used_count', experts.usedGroups, isFewer, `from 1 to ${experts.groups - 1}`);
  return experts;
}

/** As {@link readExperts}, for architectures that are nothing without. @throws PlannerError `BAD_MODEL` */
export function requireExperts(reader: MetadataReader): ExpertHyperparameters {
  const experts = readExperts(reader);
  check('expert_count', 0, experts !== null, 'at least 1 in this architecture');
  return experts;
}

function check(culprit: string, value: number, condition: boolean, limit: string): asserts condition {
  if (condition) return;
  const remedy = 'The file is damaged or made by a foreign converter: convert the model again.';
  throw new PlannerError('BAD_MODEL', { culprit, value, limit, remedy });
}

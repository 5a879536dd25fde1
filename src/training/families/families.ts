/**
 * The families of models by name.
 */
import { oneOf, PlannerError, shown } from '../../errors.js';
import type { Family } from './family.js';
import { BLOOM } from './bloom.js';
import { CODEGEN } from './codegen.js';
import { GEMMA2, GEMMA3 } from './gemma.js';
import { GPT_NEOX } from './gpt-neox.js';
import { GPT2 } from './gpt2.js';
import { LLAMA, MISTRAL, QWEN2, QWEN3 } from './llama.js';
import { MIXTRAL } from './mixtral.js';
import { OPT } from './opt.js';
import { PHI3 } from './phi3.js';
import { SMALL_GPT } from './small-gpt.js';
import { T5 } from './t5.js';

export const FAMILIES: readonly Family[] = [
  ...[SMALL_GPT, GPT2, OPT, BLOOM, CODEGEN, GPT_NEOX, LLAMA, MISTRAL, QWEN2, QWEN3, GEMMA2, GEMMA3, PHI3, MIXTRAL, T5],
];

const BY_NAME: ReadonlyMap<string, Family> = new Map(FAMILIES.map((each) => [each.family, each]));

/** The family of that name. @throws PlannerError `UNKNOWN_ARCHITECTURE` */
export function familyOf(name: string): Family {
  const family = BY_NAME.get(name);
  if (family !== undefined) return family;
  throw new PlannerError('UNKNOWN_ARCHITECTURE', {
    message: `The training of a model of the family ${shown(name)} is not known.`,
    culprit: 'family',
    value: name,
    limit: oneOf([...BY_NAME.keys()]),
    remedy: `The families are ${[...BY_NAME.keys()].join(', ')}.`,
  });
}

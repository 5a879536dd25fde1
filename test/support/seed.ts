/**
 * The seed of every property test: fixed, so that a run can be repeated and never fails by chance.
 * `FC_SEED=<integer>` explores other cases.
 */
export function propertySeed(): number {
  const text = process.env.FC_SEED ?? '20260801';
  if (!/^-?\d+$/.test(text)) throw new Error(`FC_SEED is "${text}", but must be an integer.`);
  return Number(text);
}

/**
 * Reads the fields of a configuration, or says in one sentence which one is missing.
 */
import { PlannerError, shown, wrongValue } from '../errors.js';

/** The fields of a `config.json`, by their names there. */
export class ConfigReader {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #name: string;

  constructor(fields: Readonly<Record<string, unknown>>, name: string) {
    this.#fields = fields;
    this.#name = name;
  }

  /** A whole number above 0, by the first of these names that is there. @throws PlannerError `BAD_MODEL` */
  count(...names: readonly string[]): number {
    const value = this.countOr(0, ...names);
    if (value > 0) return value;
    throw new PlannerError('BAD_MODEL', {
      message: `The configuration of ${shown(this.#name)} has no field ${names.map((name) => `\`${name}\``).join(' or ')}.`,
      culprit: names[0],
      value: 'missing',
      limit: 'a whole number above 0',
      remedy: 'Take the whole config.json of the model.',
    });
  }

  /** The same, or `otherwise` where none of these fields is there or each is null. @throws PlannerError `BAD_MODEL` */
  countOr(otherwise: number, ...names: readonly string[]): number {
    const name = names.find((each) => this.#field(each) !== undefined);
    if (name === undefined) return otherwise;
    const value = this.#field(name);
    if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
    throw this.#wrong(name, value, 'a whole number above 0');
  }

  /** The same, or 0 where the field is 0 or not there. @throws PlannerError `BAD_MODEL` */
  countOrNone(name: string): number {
    return this.#field(name) === 0 ? 0 : this.countOr(0, name);
  }

  /** A number above 0, such as a share. @throws PlannerError `BAD_MODEL` */
  shareOr(otherwise: number, name: string): number {
    const value = this.#field(name) ?? otherwise;
    if (typeof value === 'number' && value > 0 && value <= 1) return value;
    throw this.#wrong(name, value, 'a number above 0, at most 1');
  }

  /** @throws PlannerError `BAD_MODEL` */
  flagOr(otherwise: boolean, name: string): boolean {
    const value = this.#field(name) ?? otherwise;
    if (typeof value === 'boolean') return value;
    throw this.#wrong(name, value, 'true or false');
  }

  /** One of the names in `choices`, which stands for its value. @throws PlannerError `BAD_MODEL` */
  choice<T>(choices: Readonly<Record<string, T>>, otherwise: string, name: string): T {
    const value = this.#field(name) ?? otherwise;
    if (typeof value === 'string' && Object.hasOwn(choices, value)) return choices[value];
    throw this.#wrong(name, value, `one of ${Object.keys(choices).join(', ')}`);
  }

  #field(name: string): unknown {
    const value = Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
    return value ?? undefined;
  }

  #wrong(name: string, value: unknown, limit: string): PlannerError {
    const culprit = `field ${name} in the configuration of ${this.#name}`;
    return wrongValue('BAD_MODEL', {
      culprit,
      value,
      limit,
      remedy: 'Take the config.json of the model as it is published.',
    });
  }
}

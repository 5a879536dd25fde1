/**
 * The description of a TFLite operation as a row: its operands, its settings in files, its result shapes, and which
 * operands a result may overwrite.
 *
 * Invariant: rows are pure data and rules. A row without a shape rule is an operation whose result shapes only the file,
 * or a run, knows.
 */
import type { Operation, OperationFamily } from '../../tensor/operation.js';
import type { ShapeRule } from './shape-query.js';

/** How the file stores a setting. */
export type SettingKind = 'u8' | 'i8' | 'i32' | 'u32' | 'bool' | 'f32' | 'ints' | 'subgraph';

/** A setting: its field in the table of the operation's options, and its value where the file leaves it out. */
export interface Setting {
  readonly name: string;
  readonly field: number;
  readonly kind: SettingKind;
  readonly otherwise: number;
}

/** A TFLite operation. */
export interface TfliteRow extends Operation {
  readonly settings: readonly Setting[];
  readonly shapes: ShapeRule | null;
}

/** What defines a row; a field that is left out gets the cautious value. */
export interface RowFacts {
  readonly name: string;
  /** Empty if the number of operands differs from node to node. */
  readonly operands: readonly string[];
  /** Operands behind the others, which may be left out. */
  readonly optional?: readonly string[];
  readonly settings?: readonly Setting[];
  readonly shapes?: ShapeRule;
  /**
   * Slots that the result may overwrite: each element of the result is computed of the elements at its own place, or of
   * others that the runtime's kernel reads before it writes any of a row.
   */
  readonly overwrites?: readonly number[];
  readonly isPure?: boolean;
  readonly isView?: boolean;
  readonly writesPart?: boolean;
}

const NO_SLOTS: readonly number[] = [];

/** Writes the rows of one family. */
export function rowsOf(family: OperationFamily): (facts: RowFacts) => TfliteRow {
  return (facts) => ({
    name: facts.name,
    family,
    isKnown: true,
    operands: facts.optional === undefined ? facts.operands : [...facts.operands, ...facts.optional],
    requiredCount: facts.operands.length,
    isView: facts.isView ?? false,
    isPure: facts.isPure ?? true,
    reusesAny: false,
    overwrites: facts.overwrites ?? NO_SLOTS,
    updates: NO_SLOTS,
    writesPart: facts.writesPart ?? false,
    namesItself: NO_SLOTS,
    cut: null,
    termsOf: null,
    settings: facts.settings ?? [],
    shapes: facts.shapes ?? null,
  });
}

/** A setting of a field. */
export function setting(name: string, field: number, kind: SettingKind, otherwise = 0): Setting {
  return { name, field, kind, otherwise };
}

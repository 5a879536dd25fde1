/**
 * What an operation makes of its operands, as far as a graph file decides it: files of other programs hold no settings.
 *
 * Invariant: a rule that asked for a setting which the file leaves out has decided nothing, whatever it said. So no list
 * says which operations can be checked.
 */
import { PlannerError } from '../../errors.js';
import type { Operation } from '../../tensor/operation.js';
import { sameShape, type Layout } from '../../tensor/layout.js';
import type { OperationParams, OperationParam, Tensor } from '../../tensor/tensor.js';
import { Operands } from './operands.js';
import { isRow, type Row } from './row.js';

/** What is known of a node: its own layout, and what computes it of what. */
export interface StatedNode extends Layout {
  readonly operation: Operation | null;
  readonly sources: readonly (Tensor | null)[];
  readonly params: OperationParams;
}

type TypeAndShape = Pick<Layout, 'type' | 'shape'>;

/** The type and shape that `node` must have; null if the file does not decide them. @throws PlannerError `BAD_OPERAND`, … */
export function statedResult(node: StatedNode): TypeAndShape | null {
  const { operation, type } = node;
  if (operation === null || !isRow(operation) || operation.operands.length === 0) return null; // unknown, or the caller's own
  const asNothing = attempt(operation, node, { type: null });
  if (asNothing === null || 'type' in node.params || agrees(asNothing, node)) return decided(asNothing);
  // A result of another type than its operand's: the setting `type` is that of the result.
  const asResult = attempt(operation, node, { type: type.name });
  return asResult === null || agrees(asResult, node) ? decided(asResult) : decided(asNothing);
}

/** What the rule says if settings that the file leaves out are as in `assumed`; null if it asks for still others. */
function attempt(row: Row, node: StatedNode, assumed: OperationParams): TypeAndShape | PlannerError | null {
  // A setting that repeats the shape of the result may be left out; the rule holds it against the operands.
  const settings = new StatedSettings({ ne: node.shape, ...assumed, ...node.params });
  // Of a cast that names itself as what it writes into, the rule is told nothing.
  const sources = node.sources.map((source) => (source === (node as unknown) ? null : source));
  try {
    const { type, ne } = row.result(new Operands(row, sources), settings.params);
    return settings.areEnough ? { type, shape: ne } : null;
  } catch (error) {
    // A setting of the wrong kind makes a rule fail otherwise; whoever runs the graph will say so.
    return settings.areEnough && error instanceof PlannerError ? error : null;
  }
}

function agrees(result: TypeAndShape | PlannerError, { type, shape }: Layout): boolean {
  return !(result instanceof PlannerError) && result.type === type && sameShape(result, { shape });
}

function decided(result: TypeAndShape | PlannerError | null): TypeAndShape | null {
  if (result instanceof PlannerError) throw result;
  return result;
}

/** Settings that know whether all that was asked for is there. */
class StatedSettings {
  areEnough = true;
  readonly params: OperationParams;

  constructor(stated: Readonly<Record<string, OperationParam>>) {
    this.params = new Proxy(stated, {
      get: (target, key) => {
        if (Object.hasOwn(target, key)) return target[key as string];
        this.areEnough = false;
        return undefined;
      },
    });
  }
}

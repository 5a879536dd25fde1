/**
 * Operations that keep a state, run other subgraphs, or stand for what no operation of TFLite does.
 */
import { rowsOf, setting, type TfliteRow } from './row.js';
import { lstmSequence, rnnSequence, transformed } from './made-shapes.js';

const recurrence = rowsOf('recurrence');
const other = rowsOf('other');
const copy = rowsOf('copy');

/** Operands that may each be left out, as those of an LSTM. */
const SOME: readonly string[] = [];

export const STATE_OPERATIONS: readonly TfliteRow[] = [
  recurrence({ name: 'UNIDIRECTIONAL_SEQUENCE_LSTM', operands: SOME, shapes: lstmSequence, isPure: false }),
  recurrence({ name: 'BIDIRECTIONAL_SEQUENCE_LSTM', operands: SOME, isPure: false }),
  recurrence({ name: 'LSTM', operands: SOME, isPure: false }),
  recurrence({ name: 'UNIDIRECTIONAL_SEQUENCE_RNN', operands: SOME, shapes: rnnSequence, isPure: false }),
  recurrence({ name: 'BIDIRECTIONAL_SEQUENCE_RNN', operands: SOME, isPure: false }),
  recurrence({ name: 'RNN', operands: SOME, shapes: rnnSequence, isPure: false }),
  other({ name: 'RFFT2D', operands: ['input', 'lengths'], shapes: transformed }),
  other({
    name: 'IF',
    operands: SOME,
    settings: [setting('then', 0, 'subgraph'), setting('else', 1, 'subgraph')],
    isPure: false,
  }),
  other({
    name: 'WHILE',
    operands: SOME,
    settings: [setting('condition', 0, 'subgraph'), setting('body', 1, 'subgraph')],
    isPure: false,
  }),
  other({ name: 'CALL_ONCE', operands: SOME, settings: [setting('init', 0, 'subgraph')], isPure: false }),
  other({ name: 'CALL', operands: SOME, settings: [setting('body', 0, 'subgraph')], isPure: false }),
  other({ name: 'VAR_HANDLE', operands: SOME, isPure: false }),
  other({ name: 'READ_VARIABLE', operands: ['resource'], isPure: false }),
  other({ name: 'ASSIGN_VARIABLE', operands: ['resource', 'value'], isPure: false }),
  // What a graph says besides TFLite's own operations.
  copy({ name: 'VIEW', operands: ['input'], isView: true }),
  other({ name: 'RESULT', operands: SOME }),
  other({ name: 'SUBGRAPH_INPUT', operands: SOME }),
  other({ name: 'END', operands: SOME, isPure: false }),
];

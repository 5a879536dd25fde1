/** The rows of ONNX's operations, beside their shape rules. */
import { describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../src/dialects/onnx/operations.js';
import { RULE_NAMES } from '../../src/dialects/onnx/rules/rules.js';

/** Resolved while a graph is built: bodies, and lists of tensors. */
const WITHOUT_RULE = [
  ...['If', 'Loop', 'Scan', 'Workspace'],
  ...['Optional', 'OptionalGetElement', 'OptionalHasElement', 'SequenceAt', 'SequenceConstruct', 'SequenceEmpty'],
  ...['SequenceErase', 'SequenceInsert', 'SequenceLength', 'SequenceMap', 'SplitToSequence'],
];

describe('operations of ONNX', () => {
  it('each have a shape rule, unless they vanish when a graph is built', () => {
    const known = [...OPERATIONS.keys()].filter((name) => !WITHOUT_RULE.includes(name));
    expect([...RULE_NAMES].sort()).toEqual(known.sort());
  });

  it('overwrite operands that they have, and only element by element', () => {
    for (const { name, operands, overwrites, family } of OPERATIONS.values()) {
      if (overwrites.length === 0) continue;
      expect(['element-wise', 'norm'], name).toContain(family);
      if (operands.length > 0) expect(Math.max(...overwrites), name).toBeLessThan(operands.length - 1);
    }
  });
});

/**
 * The public names of `tensor-arena/exec`: runs a graph with plain kernels, in separate memory or in that of a plan.
 * Exports only.
 *
 * @module tensor-arena/exec
 */
export { Elements } from './reference/elements.js';
export { executeGraph, whyNotExecutable } from './reference/execute.js';
export { fillLeafs, fillSchedule, type ExecutableSchedule } from './reference/fill.js';
export { Memory } from './reference/memory.js';

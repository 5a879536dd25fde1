/**
 * `tensor-arena verify FILE PLAN`: is the plan right?
 */
import type { Gguf } from '../gguf/gguf.js';
import type { Graph } from '../graph/graph.js';
import { openModel } from '../models/model-graph.js';
import { counted, exactBytes } from '../report/format.js';
import { printable } from '../report/table.js';
import { MAX_VIOLATIONS } from '../verify/limits.js';
import { verifyPlan } from '../verify/verify-plan.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { inFile } from './failure.js';
import { modelOptionsOf, type Flags } from './flags.js';
import { readInput, type Input } from './inputs.js';
import { readPlan } from './plan-file.js';
import { withProgress } from './progress.js';
import { readSolution, verifySolution } from './solution.js';
import type { Terminal } from './terminal.js';

/** What was found. */
interface Verdict {
  /** One line per violation. */
  readonly violations: readonly string[];
  /** Bytes that the plan takes. */
  readonly bufferSize: number;
  /** What was checked. */
  readonly subject: string;
}

/** Prints one line per violation, or one that says that there is none. */
export async function verify(file: string, planFile: string, flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const verdict = await withProgress(terminal, [file, planFile], 2, async (announce) => {
    announce(`reading ${file}`);
    const input = await inFile(file, () => readInput(file, flags));
    announce(`verifying ${planFile}`);
    return verifyInput(file, input, planFile, flags);
  });
  const { violations, bufferSize, subject } = verdict;
  if (violations.length === 0) {
    terminal.write(`${terminal.style.good('ok')}: ${subject} in ${exactBytes(bufferSize)}, no violation\n`);
    return EXIT.done;
  }
  terminal.write(violations.map((violation) => `${printable(violation)}\n`).join(''));
  if (violations.length >= MAX_VIOLATIONS) {
    terminal.write(`There may be more: the check ends after ${counted(MAX_VIOLATIONS, 'violation')}.\n`);
  }
  return EXIT.no;
}

async function verifyInput(file: string, input: Input, planFile: string, flags: Flags): Promise<Verdict> {
  if (input.kind === 'problem') {
    const solution = await inFile(planFile, () => readSolution(input.csv, planFile));
    const violations = verifySolution(input.csv, solution, limitsOf(flags));
    const subject = counted(input.csv.problem.bufferCount, 'buffer');
    return { violations, bufferSize: solution.bufferSize, subject };
  }
  const graph = input.kind === 'graph' ? input.graph : await inFile(file, () => modelGraph(input.gguf, flags));
  const plan = await inFile(planFile, () => readPlan(planFile));
  const violations = verifyPlan(graph, plan, limitsOf(flags)).map(({ message }) => message);
  return { violations, bufferSize: plan.bufferSize, subject: counted(plan.tensors.length, 'tensor') };
}

function modelGraph(gguf: Gguf, flags: Flags): Graph {
  return openModel(gguf, modelOptionsOf(flags)).graph(flags.phase ?? 'pp');
}

function limitsOf({ maxChunkSize }: Flags): { maxChunkSize: number | undefined } {
  return { maxChunkSize };
}

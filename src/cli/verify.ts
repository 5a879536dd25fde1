/**
 * `tensor-arena verify FILE PLAN`: is the plan right?
 *
 * The plan says how it was made; flags that were given come before that, and where the two disagree, the answer is no.
 */
import type { Gguf } from '../gguf/types.js';
import type { Graph } from '../graph/graph.js';
import { openModel, readModel } from '../models/model-graph.js';
import { parseProblemCsv, type CsvProblem } from '../problem/csv.js';
import { counted, exactBytes } from '../format.js';
import { printable } from '../report/table.js';
import { MAX_VIOLATIONS } from '../verify/limits.js';
import { verifyPlan } from '../verify/verify-plan.js';
import type { PlanLike } from '../verify/plan-like.js';
import { EXIT, type ExitCode } from './cli-error.js';
import { inFile } from './failure.js';
import { modelOptionsOf, type Flags } from './flags.js';
import { readInput, readText, type Input } from './inputs.js';
import { isOnnx, isTflite, kindOf } from './input-kinds.js';
import { readPlan } from './plan-file.js';
import { disagreements, optionsOfRecord, optionsOfRun, otherInput, type PlanRecord } from './plan-record.js';
import { withProgress } from './progress.js';
import { refuseRanges } from './shape-flags.js';
import { solutionOfCsv, solutionOfPlan, verifySolution } from './solution.js';
import type { Terminal } from './terminal.js';

/** What was found. */
interface Verdict {
  /** One line per violation. */
  readonly violations: readonly string[];
  /** Bytes that the plan takes. */
  readonly bufferSize: number;
  /** What was checked. */
  readonly subject: string;
  /** What may be behind the violations. */
  readonly doubt?: string;
}

/** Prints one line per violation, or one that says that there is none. */
export async function verify(file: string, planFile: string, flags: Flags, terminal: Terminal): Promise<ExitCode> {
  refuseRanges(flags);
  const verdict = await withProgress(terminal, [file, planFile], 2, async (announce) => {
    announce(`reading ${file}`);
    // A model is read as the plan's runtime reads it, with the plan's shapes, where flags say nothing else.
    const isGraphModel = isOnnx(file) || isTflite(file);
    const record = isGraphModel ? (await inFile(planFile, () => readPlan(planFile))).options : undefined;
    const input = await inFile(file, () => readInput(file, flags, terminal, record));
    announce(`verifying ${planFile}`);
    return verifyInput(file, input, planFile, flags);
  });
  const { violations, bufferSize, subject, doubt } = verdict;
  if (violations.length === 0) {
    terminal.write(`${terminal.style.good('ok')}: ${subject} in ${exactBytes(bufferSize)}, no violation\n`);
    return EXIT.done;
  }
  if (doubt !== undefined) terminal.write(`${doubt}\n`);
  terminal.write(violations.map((violation) => `${printable(violation)}\n`).join(''));
  if (violations.length >= MAX_VIOLATIONS) {
    terminal.write(`There may be more: the check ends after ${counted(MAX_VIOLATIONS, 'violation')}.\n`);
  }
  return EXIT.no;
}

async function verifyInput(file: string, input: Input, planFile: string, flags: Flags): Promise<Verdict> {
  if (input.kind === 'problem') return verifyProblem(file, input.csv, planFile, flags);
  const readIt = (): PlannedFile => readPlan(planFile);
  if (input.kind === 'graph') return verifyGraph(input.graph, await inFile(planFile, readIt), flags);
  // What is wrong with the model is said before what is wrong with the plan.
  await inFile(file, () => readModel(input.gguf));
  const plan = await inFile(planFile, readIt);
  return inFile(file, () => verifyModel(input.gguf, plan, flags));
}

/** Of another graph of the same model, most tensors differ. */
const UNRECORDED =
  'The plan does not say how it was made: if it was made with flags, such as --ctx-size, give the same ones here.';

type PlannedFile = PlanLike & Partial<PlanRecord>;

/** The graph is built with the options of the plan, unless they were given otherwise. */
function verifyModel(gguf: Gguf, plan: PlannedFile, flags: Flags): Verdict {
  const options = { ...optionsOfRecord(plan.options ?? {}), ...flags };
  const { phase = 'pp' } = options;
  const model = openModel(gguf, modelOptionsOf(options));
  const { architecture } = model;
  const others = disagreements(plan.options ?? {}, flags, optionsOfRun(model.run, phase));
  if (others.length > 0) return verdictOf(plan, others);
  const elsewhere = otherInput(plan.input, { architecture });
  if (elsewhere !== undefined) return verdictOf(plan, [elsewhere]);
  const verdict = verifyGraph(model.graph(phase), plan, flags);
  return plan.input === undefined && plan.options === undefined ? { ...verdict, doubt: UNRECORDED } : verdict;
}

function verifyGraph(graph: Graph, plan: PlannedFile, flags: Flags): Verdict {
  const elsewhere = otherInput(plan.input, { nodes: graph.nodes.length });
  if (elsewhere !== undefined) return verdictOf(plan, [elsewhere]);
  const { runtime, maxChunkSize = plan.options?.maxChunkSize } = flags;
  const violations = verifyPlan(graph, plan, { runtime, maxChunkSize, pools: graph.pools ?? undefined });
  return verdictOf(
    plan,
    violations.map(({ message }) => message),
  );
}

function verdictOf({ bufferSize, tensors }: PlanLike, violations: readonly string[]): Verdict {
  return { violations, bufferSize, subject: counted(tensors.length, 'tensor') };
}

async function verifyProblem(file: string, read: CsvProblem, planFile: string, flags: Flags): Promise<Verdict> {
  const kind = kindOf(planFile);
  // A plan in JSON ends as a graph does.
  const plan = kind === 'graph' || kind === 'model' ? await inFile(planFile, () => readPlan(planFile)) : undefined;
  const { alignment } = plan?.options ?? {};
  const { maxChunkSize = plan?.options?.maxChunkSize } = flags;
  const csv = alignment === undefined ? read : parseProblemCsv(readText(file), alignment);
  const solution =
    plan === undefined ? await inFile(planFile, () => solutionOfCsv(csv, planFile)) : solutionOfPlan(csv, plan);
  const violations = verifySolution(csv, solution, { maxChunkSize });
  return { violations, bufferSize: solution.bufferSize, subject: counted(csv.problem.bufferCount, 'buffer') };
}

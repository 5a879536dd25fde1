/**
 * `npm run bench:training`: training steps against PyTorch's own trackers, and how long it takes to plan one.
 */
import { measureTraining, trainingCaseFromJson, trainingStep } from '../src/training/index.js';
import { measureStep } from '../src/training/measure-step.js';
import { measuredFigures, recordedFigures, torchCases } from '../test/support/torch-cases.js';

const TITLES = `| run | steady peak | theirs | error | figures equal | ms |
| --- | --: | --: | --: | --: | --: |`;

const cases = torchCases();
if (cases.length === 0) console.log('No recorded runs: there is no test data in ../shared.');
else console.log(TITLES);
let worst = 0;
let sum = 0;
for (const recorded of cases) {
  const start = performance.now();
  const { model, run } = trainingCaseFromJson(recorded);
  const measured = measureTraining(model, run);
  const ms = performance.now() - start;
  const theirs = recordedFigures(recorded);
  const ours = measuredFigures(measured);
  const names = Object.keys(theirs);
  const equal = names.filter((name) => JSON.stringify(ours[name]) === JSON.stringify(theirs[name])).length;
  const { peak } = recorded.bytes.steady;
  const error = Math.abs(measured.steadyPeak / peak - 1);
  worst = Math.max(worst, error);
  sum += error;
  const cells = [
    measured.steadyPeak.toLocaleString('en'),
    peak.toLocaleString('en'),
    `${(100 * error).toFixed(3)} %`,
    `${equal} of ${names.length}`,
    ms.toFixed(0),
  ];
  console.log(`| ${[recorded.name, ...cells].join(' | ')} |`);
}
if (cases.length > 0) {
  console.log(`\nWorst ${(100 * worst).toFixed(3)} %, on average ${((100 * sum) / cases.length).toFixed(3)} %.`);
}

const start = performance.now();
const step = trainingStep('opt-1.3b', { batch: 8, sequence: 512 });
const { peak } = measureStep(step, 1);
const ms = performance.now() - start;
console.log(
  `\nOPT-1.3b, full, one step of ${step.graph.nodes.length} nodes: ${peak.toLocaleString('en')} bytes, ${ms.toFixed(0)} ms.`,
);

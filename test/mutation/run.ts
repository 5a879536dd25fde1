/**
 * Changes the planner one expression at a time and sees whether the tests notice: `npm run mutation [-- TARGET...]`.
 *
 * Each target of `targets.json` is a folder with the quick tests that are meant for it; without names all are run, one
 * after the other, some minutes to half an hour each. What has been tried before and did not change is not tried again.
 * Results are in `coverage/mutation/`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';

interface Target {
  readonly name: string;
  readonly mutate: readonly string[];
}

/** What Stryker's JSON report says of a file. */
interface FileReport {
  readonly mutants: readonly { readonly status: string }[];
}

const FOLDER = 'coverage/mutation';
const targets = JSON.parse(readFileSync('test/mutation/targets.json', 'utf8')) as Target[];
const names = process.argv.slice(2);
const unknown = names.filter((name) => targets.every((target) => target.name !== name));
if (unknown.length > 0) {
  throw new Error(`no target ${unknown.join(', ')}; there are ${targets.map(({ name }) => name).join(', ')}`);
}

function runTarget({ name, mutate }: Target): void {
  const config = ['test/mutation/stryker.config.json', '--mutate', mutate.join(',')];
  const files = [
    '--incrementalFile',
    `${FOLDER}/${name}.incremental.json`,
    '--tempDirName',
    `coverage/stryker-${name}`,
  ];
  const env = { ...process.env, MUTATION_TARGET: name };
  const { status } = spawnSync('npx', ['stryker', 'run', ...config, ...files], { stdio: 'inherit', env });
  if (status !== 0) throw new Error(`the run on ${name} failed`);
  renameSync('coverage/mutation.json', `${FOLDER}/${name}.json`);
}

/** `caught of tried` mutants; what could not be run at all does not count. */
function scoreOf(files: Readonly<Record<string, FileReport>>): { caught: number; tried: number } {
  const statuses = Object.values(files).flatMap(({ mutants }) => mutants.map(({ status }) => status));
  const caught = statuses.filter((status) => status === 'Killed' || status === 'Timeout').length;
  const missed = statuses.filter((status) => status === 'Survived' || status === 'NoCoverage').length;
  return { caught, tried: caught + missed };
}

mkdirSync(FOLDER, { recursive: true });
for (const target of targets) if (names.length === 0 || names.includes(target.name)) runTarget(target);
for (const { name } of targets) {
  const file = `${FOLDER}/${name}.json`;
  if (!existsSync(file)) continue;
  const { files } = JSON.parse(readFileSync(file, 'utf8')) as { files: Record<string, FileReport> };
  const { caught, tried } = scoreOf(files);
  console.log(`${name}: ${caught} of ${tried} mutants caught, ${((100 * caught) / tried).toFixed(1)} %`);
}

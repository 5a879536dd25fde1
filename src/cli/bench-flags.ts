/**
 * Flags of llama-bench that have other values, or another meaning, than those of the other programs of llama.cpp.
 *
 * Invariant: a flag without a row is as in the other programs. llama-bench runs once for each value of a flag; one run is
 * measured, so several values are refused, but for the lengths of its tests.
 */
import { CliError } from './cli-error.js';

/** Flags that are alike. */
interface BenchFlags {
  /** Separated by white space. */
  readonly names: string;
  /** How many values follow each. Default 1. */
  readonly arity?: 0 | 1;
  /** What the value becomes, on the command line of the other programs; absent where it makes no difference. */
  readonly become?: (value: string, name: string) => readonly string[];
}

/** What a command line of llama-bench is elsewhere. */
export interface Translated {
  readonly args: readonly string[];
  /** The names of flags that make no difference. */
  readonly ignored: readonly string[];
}

const same = (value: string, name: string): readonly string[] => [name, single(value, name)];

/** A switch that llama-bench writes as 0 or 1. */
const flipped =
  (on: readonly string[], off: readonly string[] = []) =>
  (value: string, name: string): readonly string[] =>
    single(value, name) === '0' ? off : on;

const BENCH_FLAGS: readonly BenchFlags[] = [
  {
    names: `
    -b --batch-size -ub --ubatch-size -ctk --cache-type-k -ctv --cache-type-v -ngl --n-gpu-layers --gpu-layers -ncmoe
    --n-cpu-moe -sm --split-mode -mg --main-gpu -fa --flash-attn -lm --load-mode -ts --tensor-split`,
    become: same,
  },
  {
    names: '-ot --override-tensor',
    become: (value, name) => [name, single(value, name).replaceAll(';', ',')],
  },
  { names: '-nkvo --no-kv-offload', become: flipped(['--no-kv-offload']) },
  { names: '-nopo --no-op-offload', become: flipped(['--no-op-offload']) },
  { names: '--no-host', become: flipped(['--no-host']) },
  { names: '-mmp --mmap', become: flipped(['--mmap'], ['--no-mmap']) },
  { names: '-dio --direct-io', become: flipped(['--direct-io']) },
  { names: '-embd --embeddings', become: flipped(['--embeddings']) },
  { names: '-o --output -oe --output-err -r --repetitions --delay' },
  { names: '--progress', arity: 0 },
];

const FLAGS: ReadonlyMap<string, BenchFlags> = new Map(
  BENCH_FLAGS.flatMap((row) =>
    row.names
      .split(/\s+/)
      .filter(Boolean)
      .map((name) => [name, row] as const),
  ),
);

/** Several values, or a range such as `10-20+5`. */
const SEVERAL = /,|^\d+-\d+/;

function single(value: string, name: string): string {
  if (!SEVERAL.test(value)) return value;
  throw new CliError(
    `llama-bench runs once for each value of ${name} ${value}, but one run is measured: give one value`,
  );
}

/** The arguments of llama-bench as other programs write them. */
export function fromBench(args: readonly string[]): Translated {
  const [own, ignored]: [string[], string[]] = [[], []];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const name = arg.startsWith('--') ? arg.replaceAll('_', '-') : arg;
    const row = FLAGS.get(name);
    const value = row?.arity === 0 ? '' : rest[0];
    if (row === undefined || value === undefined) {
      own.push(arg);
      continue;
    }
    if (row.arity !== 0) rest.shift();
    if (row.become === undefined) ignored.push(name);
    else own.push(...row.become(value, name));
  }
  return { args: own, ignored };
}

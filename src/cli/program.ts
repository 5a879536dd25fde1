/**
 * The command line: commands, their flags and their help.
 */
import { Command, Help, Option } from 'commander';
import { version } from '../../package.json';
import type { ExitCode } from './cli-error.js';
import { BY_DEFAULT } from './flag-values.js';
import { DEVICE_FLAGS } from './device-flags.js';
import { FIT_FLAGS, SWEEP_FLAGS, type SweepFlags } from './fit-flags.js';
import { FITTING_FLAGS } from './fitting-flags.js';
import { CAPACITY_FLAG, LIMIT_FLAGS, MODEL_FLAGS, PLAN_FLAGS, SEARCH_FLAGS, type Flags } from './flags.js';
import { namesOf, type Flag } from './flag.js';
import { CONVENTION_FLAG } from './graph-flags.js';
import { hasEnding, kindOf, type InputKind } from './input-kinds.js';
import { measure } from './measure.js';
import { HAZARDS_FLAG, JSON_FLAG, MAP_FLAGS, OUTPUT_FLAG, TIMELINE_FLAG } from './output-flags.js';
import { ADAPTER_FLAGS, PART_FLAGS } from './part-flags.js';
import { plan } from './plan.js';
import { SHAPE_FLAGS } from './shape-flags.js';
import { SHRINK_FLAGS } from './shrink-flags.js';
import { printNote, type Terminal } from './terminal.js';
import { TRAIN_FLAGS, type TrainFlags } from './train-flags.js';
import { verify } from './verify.js';

const FILES_HELP = `
FILE is one of
  .gguf              a model: weights, KV cache and the compute buffer of llama.cpp's graph; a path or a URL
  .onnx              a model of ONNX: weights and activations, for the shapes of --dim and --input; a path or a URL
  .tflite            a model of TensorFlow Lite, its Micro runtime or ExecuTorch: weights and activations; a path or a URL
  .json, .json.gz    a compute graph ("format": "tensor-graph")
  .csv, .csv.gz      a placement problem (id,lower,upper,size[,alignment], steps from lower to before upper)`;

const MODEL_HELP = `
For a model, sizes are those of llama.cpp's CPU backend: "compute" is its compute buffer, "compute with auto" (--json: computeWithAuto) the one that the same
graph would need if placed by the allocator auto with in-place full. Of an unknown architecture only weights are known.`;

const DEVICES_HELP = `
With --gpu, sizes are those of a machine: a row for each device, and whether it fits there (exit code 1 if not). What the
driver and other programs take is not counted. A command of llama.cpp may follow --, such as
  tensor-arena measure --gpu cuda:24GiB -- llama-server -m model.gguf -ngl 99 -c 32768 --jinja`;

const COMPARE_HELP = `
FILE is a model (.gguf), a path or a URL; LOG what llama.cpp printed while it loaded it, as text or .gz. Options and
devices are taken from the log, as far as it says them; flags win. The exit code is 1 if a line differs.`;

const FIT_HELP = `
FILE is a model (.gguf), a path or a URL. --ctx-size is the context that is wanted (default: what the model was trained on):
does it fit (exit code 1 if it was given and does not), and the largest context with all other options as given? For the wanted one, the largest ubatch and the largest
cache types that fit are found. Sizes are those of llama.cpp's CPU backend.
With --gpu, the best ways to run the model on a machine: layers on its devices, experts on the host, context and cache
type, each with the command to paste. --as llama.cpp says what llama.cpp itself would choose. The exit code is 1 if
nothing fits.`;

const SWEEP_HELP = `
FILE is a model (.gguf), a path or a URL. A value may be a list, and an item of a list a range FROM..TO:STEP, such as
  tensor-arena sweep model.gguf -c 4096..32768:4096 -ub 256,512 -fa on,off -ctk f16,q8_0
Every combination is one row; one that llama.cpp would refuse says why. Sizes are those of llama.cpp's CPU backend. With
--memory, each row says whether it fits. With --gpu, each row says what every device takes, and whether it fits there:
  tensor-arena sweep model.gguf --gpu cuda:8GiB -ngl 0,16,99 -c 4096,32768`;

const SHRINK_HELP = `
FILE is a compute graph (.json, .json.gz), a model (.onnx, .tflite), or one (.gguf) whose graph is that of llama.cpp. Its
nodes run in the order that needs the fewest bytes; then regions are computed in parts, which write into slices of one
result. The results stay the same, bit by bit. With each answer comes the number of bytes that no order can go below, and
what the parts cost. With a budget, no more is split than it takes. Buffers are placed by the allocator auto. -o GRAPH.json writes the graph, to be planned or checked:
  tensor-arena shrink graph.json --budget 64MiB -o smaller.json
  tensor-arena plan smaller.json -o plan.json`;

const TRAIN_HELP = `
MODEL is
  config.json        the configuration of a model of Hugging Face, which lies beside its weights
  .gguf              a model of the same kinds; only the numbers in its header count
  a name             of a model that is built in, such as opt-125m or llama-2-7b
  a case (.json)     an object with "model" and "run", as recorded cases have them; flags win over its run
Every operation of two training steps of PyTorch is planned: "peak" is the most that tensors take at once, "reserved" what PyTorch's
caching allocator takes of the GPU for it. The CUDA context comes on top, 0.13 to 0.62 GiB; --memory counts it. Start with
  tensor-arena train opt-125m --batch 8 --memory 8GiB
  tensor-arena train llama-2-7b --method lora --precision bf16 --checkpointing layer --seq 2048 --memory 24GiB
  tensor-arena train llama-2-7b --gpus 8 --strategy fsdp --precision bf16 --json`;

const SIZES_HELP = `
SIZE is a number of bytes, such as 4096, 64KiB or 8GiB (1024-based; 8GB is 1000-based).
Exit code: 0 done, 1 the answer is no (violations, does not fit, a limit is not kept), 2 misuse or bad input, 3 the
architecture of a model is unknown, so of its memory only the weights are known.
Flags of llama-server and llama-cli that are none of these are left out, with a note; -m FILE stands for FILE, and the
name of the program before them may stay.`;

/** One command. */
interface CommandRow {
  readonly syntax: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** What the operands are. Default: any kind of file. */
  readonly help?: string;
  /** Its work: operands and flags in, exit code out. */
  readonly action: (operands: readonly string[], flags: Flags, terminal: Terminal) => Promise<ExitCode>;
}

const COMMANDS: readonly CommandRow[] = [
  {
    syntax: 'measure <FILE...>',
    summary: 'Print how much memory each FILE needs: the compute buffer; for a model weights and KV cache, too.',
    flags: [
      ...MODEL_FLAGS,
      ...SHAPE_FLAGS,
      CONVENTION_FLAG,
      ...DEVICE_FLAGS,
      ...FITTING_FLAGS,
      ...PART_FLAGS,
      ...PLAN_FLAGS,
      TIMELINE_FLAG,
      HAZARDS_FLAG,
      JSON_FLAG,
    ],
    help: `${FILES_HELP}\n${MODEL_HELP}\n${DEVICES_HELP}`,
    action: measure,
  },
  {
    syntax: 'compare <FILE> <LOG>',
    summary: 'Compare what llama.cpp printed into LOG while it loaded FILE, a model, with what is measured here.',
    flags: [...MODEL_FLAGS, ...DEVICE_FLAGS, ...ADAPTER_FLAGS, JSON_FLAG],
    help: COMPARE_HELP,
    action: async ([file, log], flags, terminal) => (await import('./compare.js')).compare(file, log, flags, terminal),
  },
  {
    syntax: 'fit <FILE>',
    summary: 'Find the largest context of a model that fits a memory budget, or the best ways to run it on a machine.',
    flags: [...FIT_FLAGS, JSON_FLAG],
    help: FIT_HELP,
    action: async ([file], flags, terminal) => (await import('./fit.js')).fit(file, flags, terminal),
  },
  {
    syntax: 'sweep <FILE...>',
    summary: 'Print what each FILE, a model, needs for every combination of options.',
    flags: [...SWEEP_FLAGS, JSON_FLAG],
    help: SWEEP_HELP,
    action: async (files, flags, terminal) =>
      (await import('./sweep.js')).sweep(files, flags as unknown as SweepFlags, terminal),
  },
  {
    syntax: 'shrink <FILE...>',
    summary: 'Find a graph that computes what that of each FILE does, in fewer bytes: another order, regions in parts.',
    flags: [...SHRINK_FLAGS, OUTPUT_FLAG, JSON_FLAG],
    help: SHRINK_HELP,
    action: async (files, flags, terminal) => (await import('./shrink.js')).shrink(files, flags, terminal),
  },
  {
    syntax: 'train <MODEL>',
    summary:
      'Print what training or fine-tuning MODEL with PyTorch takes on each GPU, and beside it what formulas say.',
    flags: [...TRAIN_FLAGS, JSON_FLAG],
    help: TRAIN_HELP,
    action: async ([model], flags, terminal) =>
      (await import('./train.js')).train(model, flags as unknown as TrainFlags, terminal),
  },
  {
    syntax: 'plan <FILE>',
    summary: 'Print where every tensor goes, as JSON; for a .csv as CSV with offsets.',
    flags: [
      ...MODEL_FLAGS,
      ...SHAPE_FLAGS,
      CONVENTION_FLAG,
      ...PLAN_FLAGS,
      CAPACITY_FLAG,
      ...SEARCH_FLAGS,
      OUTPUT_FLAG,
      JSON_FLAG,
    ],
    action: ([file], flags, terminal) => plan(file, flags, terminal),
  },
  {
    syntax: 'verify <FILE> <PLAN>',
    summary: 'Check that PLAN is a valid plan for FILE; print one line per violation.',
    flags: [...MODEL_FLAGS, ...SHAPE_FLAGS, CONVENTION_FLAG, ...LIMIT_FLAGS],
    action: ([file, planFile], flags, terminal) => verify(file, planFile, flags, terminal),
  },
  {
    syntax: 'map <FILE>',
    summary: 'Draw where every tensor goes, over time: -o OUT.svg is a picture, -o OUT.html a page to look into.',
    flags: [...MODEL_FLAGS, ...SHAPE_FLAGS, CONVENTION_FLAG, ...PLAN_FLAGS, OUTPUT_FLAG, ...MAP_FLAGS],
    action: async ([file], flags, terminal) => (await import('./map.js')).map(file, flags, terminal),
  },
];

/** The flags of a command by name, with how many values follow each; none if there is no such command. */
export function flagsOf(command: string): ReadonlyMap<string, number> {
  const row = COMMANDS.find(({ syntax }) => syntax.split(' ', 1)[0] === command);
  const arities = row?.flags.flatMap((flag) =>
    namesOf(flag).map((name) => [name, flag.value === undefined ? 0 : 1] as const),
  );
  return new Map(arities);
}

/** The program. `finish` gets the exit code of the command that ran. */
export function createProgram(terminal: Terminal, finish: (code: ExitCode) => void): Command {
  const program = new Command('tensor-arena')
    .description('Plans where every tensor of a compute graph lives in memory, before the graph runs.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp({ optionTerm, showGlobalOptions: false })
    .configureOutput({
      writeOut: terminal.write,
      writeErr: terminal.writeError,
      outputError: (text, write) => write(oneLine(text, 'tensor-arena', terminal)),
    })
    .addHelpText(
      'after',
      '\nEvery command has its own help, such as: tensor-arena measure --help\nStart with: tensor-arena measure model.gguf',
    );

  const add = ({ syntax, summary, flags, help = FILES_HELP, action }: CommandRow): void => {
    const command = program.command(syntax).description(summary).helpOption('-h, --help', 'print this help');
    const name = `tensor-arena ${command.name()}`;
    command.configureOutput({
      outputError: (text, write) => write(oneLine(withLongerName(text, flags), name, terminal)),
    });
    for (const flag of flags) command.addOption(toOption(flag));
    command.addHelpText('after', help + '\n' + SIZES_HELP);
    command.action(async () => {
      // Of a flag `--no-…` commander makes a default that nobody gave.
      const given = Object.entries(command.opts()).filter(
        ([key, value]) => value !== BY_DEFAULT && command.getOptionValueSource(key) === 'cli',
      );
      const options = Object.fromEntries(given) as Flags;
      noteUseless(command.args, flags, options, terminal);
      finish(await action(command.args, options, terminal));
    });
  };
  for (const command of COMMANDS) add(command);
  return program;
}

function toOption({ key, short = '', long, value, parse, help, group, isRequired = false, isList }: Flag): Option {
  const names = short.length === 2 ? `${short}, ${long}` : long;
  const option = new Option(value === undefined ? names : `${names} <${value}>`, help);
  option.helpGroup(group);
  option.attributeName = () => key;
  option.makeOptionMandatory(isRequired);
  if (parse !== undefined && isList !== true) option.argParser(parse);
  if (parse !== undefined && isList === true) {
    option.argParser((text: string, before: readonly unknown[] = []) => [...before, ...(parse(text) as unknown[])]);
  }
  if (parse !== undefined && value === undefined) option.preset('');
  return option;
}

/** Help shows the short names that commander does not know of, too. */
function optionTerm(option: Option): string {
  const flag = [...MODEL_FLAGS, ...DEVICE_FLAGS, ...FITTING_FLAGS, ...PART_FLAGS].find(
    ({ long }) => long === option.long,
  );
  const { short = '' } = flag ?? {};
  return short.length > 2 ? `${short}, ${option.flags}` : Help.prototype.optionTerm(option);
}

/** Commander suggests names that are alike; a shortened one is more likely meant. */
function withLongerName(text: string, flags: readonly Flag[]): string {
  const [message, start] = /^.*unknown option '(--[\w-]+).*'/.exec(text) ?? [];
  const longer = start === undefined ? undefined : flags.find(({ long }) => long.startsWith(start))?.long;
  return longer === undefined ? text : `${message} (Did you mean ${longer}?)`;
}

/** Commander's message, which may have a second line with a suggestion, and where to read on. */
function oneLine(text: string, name: string, { errorStyle }: Terminal): string {
  const message = text
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '')
    .replace(/^error:/, errorStyle.bad('error:'));
  return `${message}; see ${name} --help\n`;
}

const ENDING_OF: Readonly<Record<InputKind, string>> = { model: '.gguf', graph: '.json', problem: '.csv' };

/** Says so when a flag was given that makes no difference for any of the files. */
function noteUseless(files: readonly string[], flags: readonly Flag[], given: Flags, terminal: Terminal): void {
  const known = files.filter((file) => kindOf(file) !== undefined);
  const first = flags.filter(({ key }, index) => flags.findIndex((flag) => flag.key === key) === index);
  for (const { key, long, kinds, endings } of first) {
    if (!(key in given) || kinds === undefined || known.length === 0) continue;
    const isUseful = (file: string): boolean =>
      kinds.includes(kindOf(file)!) && (endings === undefined || endings.some((ending) => hasEnding(file, ending)));
    if (known.some(isUseful)) continue;
    const useful = endings ?? kinds.map((kind) => ENDING_OF[kind]);
    printNote(terminal, `${long} has no effect: it is for ${useful.join(' and ')} files only`);
  }
}

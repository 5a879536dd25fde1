/** Every command that a reader can copy exists and does its work: the lines of shell in README and docs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scripts } from '../../package.json';
import { cli, scratchFolder } from '../support/cli.js';
import { projectPath } from '../support/shared.js';

const { path, write } = scratchFolder();

/** What llama.cpp b10573 printed for the model below with a card of 24 GiB and -c 4096. */
const LOG = `load_tensors: offloaded 33/33 layers to GPU
load_tensors:   CPU_Mapped model buffer size =    52.84 MiB
load_tensors:        CUDA0 model buffer size =  2219.82 MiB
llama_context: n_ctx                 = 4096
llama_context: n_ubatch              = 512
llama_context: n_outputs_max         = 2048
llama_context:  CUDA_Host  output buffer size =     0.12 MiB
llama_kv_cache:      CUDA0 KV buffer size =  1536.00 MiB
llama_kv_cache: size = 1536.00 MiB (  4096 cells,  32 layers,  1/1 seqs), K (f16):  768.00 MiB, V (f16):  768.00 MiB
sched_reserve:      CUDA0 compute buffer size =    84.64 MiB
sched_reserve:  CUDA_Host compute buffer size =    16.01 MiB
sched_reserve: graph nodes  = 934
sched_reserve: graph splits = 2
sched_reserve: reserve took 20.99 ms, sched copies = 1
`;

/** What stands for a reader's own file. */
const FILES: Readonly<Record<string, string | undefined>> = {
  'model.gguf': projectPath('examples/phi-3-mini-4k.gguf'),
  'model.onnx': projectPath('examples/squeezenet.onnx'),
  'model.tflite': projectPath('examples/audio-preprocessor.tflite'),
  'problem.csv': projectPath('examples/problem.csv'),
  'llama.log': write('llama.log', LOG),
};

const files = [
  'README.md',
  ...readdirSync(projectPath('docs'), { recursive: true, encoding: 'utf8' }).flatMap((name) =>
    // What TypeDoc makes of them is in docs/api.
    name.endsWith('.md') && !name.startsWith('api/') ? [`docs/${name}`] : [],
  ),
];

/** Indented lines that start with a command; what follows a gap of two spaces is a comment. */
const commands = files.flatMap((file) =>
  [...readFileSync(projectPath(file), 'utf8').matchAll(/^ {4}((?:npm|npx|tensor-arena) .*)$/gm)].flatMap(([, line]) =>
    line
      .split(/ {2,}/)[0]
      .split(' && ')
      .map((command) => [file, command] as const),
  ),
);

/** The arguments of the project's own command, however it is called. */
const argumentsOf = (command: string): string[] | undefined =>
  /^(?:(?:npx )?tensor-arena|npx tsx src\/cli\/main\.ts) (.*)$/.exec(command)?.[1].split(' ');

const own = commands.filter(([, command]) => argumentsOf(command) !== undefined);
const others = commands.filter(([, command]) => argumentsOf(command) === undefined);

describe('commands in the documents', () => {
  it('are found', () => {
    expect(own.map(([file]) => file)).toEqual(expect.arrayContaining(['README.md', 'docs/guides/sizing-a-gguf.md']));
  });

  it.each(own)('%s: %s', async (_, command) => {
    const args = argumentsOf(command)!.map((argument, index, all) => {
      if (all[index - 1] === '-o') return path(argument);
      return FILES[argument] ?? argument;
    });
    const { code, err } = await cli(...args);
    expect(err).toBe('');
    expect(code).toBe(0);
    const output = args[args.indexOf('-o') + 1];
    if (args.includes('-o')) expect(existsSync(output)).toBe(true);
  });

  it.each(others)('%s: %s is there', (_, command) => {
    const [program, name, script] = command.split(' ');
    expect(program).toBe('npm');
    if (name === 'ci' || command === 'npm install tensor-arena') return;
    expect(Object.keys(scripts)).toContain(name === 'run' ? script : name);
  });
});

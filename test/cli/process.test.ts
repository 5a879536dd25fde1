/** What only a process of its own shows: exit codes, closed pipes, colours, stacks. */
import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { FIVE_BUFFERS, scratchFolder, type CliResult } from '../support/cli.js';
import { cutUp } from '../support/random-problems.js';
import { projectPath } from '../support/shared.js';

const { write } = scratchFolder();
const problemFile = write('problem.csv', FIVE_BUFFERS);

interface ProcessOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Stops reading standard output at once, like `head`. */
  readonly closesPipe?: boolean;
  /** Presses Ctrl-C as soon as this stands on standard error. */
  readonly interruptAt?: string;
  /** Runs this script instead of the command. */
  readonly script?: string;
}

function spawnCli(
  args: string[],
  options: ProcessOptions = {},
): Promise<CliResult & { signal: NodeJS.Signals | null }> {
  const { env = {}, closesPipe = false, interruptAt, script = projectPath('src/cli/main.ts') } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
      cwd: projectPath(),
      env: { ...process.env, DEBUG: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    if (closesPipe) child.stdout.destroy();
    else child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    let isInterrupted = false;
    child.stderr.on('data', (data: Buffer) => {
      err += data.toString();
      if (isInterrupted || interruptAt === undefined || !err.includes(interruptAt)) return;
      isInterrupted = child.kill('SIGINT');
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: code ?? -1, out, err, signal }));
  });
}

/** However long a loaded machine takes to start a process. */
const PATIENCE_MS = 600_000;

describe.concurrent('the process', { timeout: PATIENCE_MS }, () => {
  it('exits with 0 and prints plain text into a pipe, also with FORCE_COLOR', async () => {
    const result = await spawnCli(['plan', problemFile], { env: { FORCE_COLOR: '1' } });
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(result.out).toMatch(/^id,lower,upper,size,offset\n/);
  });

  it('ends a search at Ctrl-C with the best plan found', async () => {
    const rows = cutUp(200, 1).map(({ size, start, end }, b) => `${b},${start},${end},${size}\n`);
    const file = write('hard.csv', `id,lower,upper,size\n${rows.join('')}`);
    // The command says nothing when it begins to search; this one does.
    const script = write(
      'search.ts',
      `import { run } from ${JSON.stringify(projectPath('src/cli/run.ts'))};
       import { processTerminal } from ${JSON.stringify(projectPath('src/cli/terminal.ts'))};
       const terminal = processTerminal();
       const untilInterrupted = (work) =>
         terminal.untilInterrupted((signal) => {
           process.stderr.write('searching\\n');
           return work(signal);
         });
       void run(process.argv.slice(2), { ...terminal, untilInterrupted }).then((code) => (process.exitCode = code));`,
    );
    const { code, out, err } = await spawnCli(['plan', file, '--time-limit', '100000'], {
      script,
      interruptAt: 'searching\n',
    });
    expect({ code, rowCount: out.trim().split('\n').length }).toEqual({ code: 0, rowCount: 201 });
    expect(err).toMatch(
      /^searching\nnote: interrupted: this is the best plan found; none needs less than 1,?000 bytes\n$/,
    );
  });

  it('ends at Ctrl-C before there is anything to search for', async () => {
    const script = write(
      'place.ts',
      `import { ALLOCATORS } from ${JSON.stringify(projectPath('src/solver/allocators.ts'))};
       import { run } from ${JSON.stringify(projectPath('src/cli/run.ts'))};
       import { processTerminal } from ${JSON.stringify(projectPath('src/cli/terminal.ts'))};
       ALLOCATORS.auto.place = () => {
         process.stderr.write('placing\\n');
         for (;;);
       };
       void run(process.argv.slice(2), processTerminal());`,
    );
    const result = await spawnCli(['plan', problemFile, '--max-steps', '9'], { script, interruptAt: 'placing\n' });
    expect(result).toMatchObject({ out: '', signal: 'SIGINT' });
  });

  it('exits with 1 when it does not fit', async () => {
    expect(await spawnCli(['plan', problemFile, '--capacity', '1'])).toMatchObject({ code: 1, out: '' });
  });

  it('exits with 2 for bad input, with a stack only if DEBUG is set', async () => {
    const plain = await spawnCli(['measure', 'missing.json']);
    expect(plain).toMatchObject({ code: 2, out: '', err: 'error: missing.json: there is no such file or folder\n' });
    // A build server's variables ask for colours; a pipe has none all the same.
    expect(await spawnCli(['measure', 'missing.json'], { env: { CI: 'true', GITHUB_ACTIONS: 'true' } })).toEqual(plain);
    const { code, err } = await spawnCli(['measure', 'missing.json'], { env: { DEBUG: '1' } });
    expect(code).toBe(2);
    expect(err).toMatch(/^error: missing\.json: there is no such file or folder\nCliError: [^]*\n +at /);
  });

  it('is quiet when nobody reads any more', async () => {
    const args = ['plan', projectPath('examples/phi-3-mini-4k.gguf')];
    expect(await spawnCli(args, { closesPipe: true })).toMatchObject({ code: 0, out: '', err: '' });
  });
});

/** `tensor-arena compare`: logs of llama.cpp beside what is measured. */
import { describe, expect, it } from 'vitest';
import { parseLlamaLog } from '../../src/models/llama-log.js';
import { listDeviceCases, readDeviceCase, type DeviceCase } from '../support/device-cases.js';
import { cli, scratchFolder } from '../support/cli.js';
import { describeShared, partOf, projectPath, sharedPath } from '../support/shared.js';

const { write } = scratchFolder();
const LLAMA = projectPath('examples/llama-3.1-8b.gguf');

interface Line {
  what: string;
  printed: string | null;
  measured: string | null;
  isEqual: boolean;
  reason: string | null;
}

async function compared(...args: string[]): Promise<{ code: number; err: string; lines: Line[] }> {
  const { code, out, err } = await cli('compare', '--json', ...args);
  return { code, err, lines: (out === '' ? [] : JSON.parse(out)) as Line[] };
}

/** The log of a recorded case as a file, with the lines on devices that only a whole program prints. */
function logFile({ meta, log, backends }: DeviceCase): string {
  const used = meta.devices.filter(({ name }) => backends.some((backend) => backend.name === name));
  const devices = used.map(({ name, free }) => {
    return `llama_model_load: using device ${name} (A card) (0000:01:00.0) - ${Math.floor(free / 2 ** 20)} MiB free`;
  });
  return write(`${meta.name.replace('/', '-')}.log`, [...devices, ...log].join('\n'));
}

/** What none of these recorded lines says. */
const UNSAID = ['-fa', '-ts', '-mg', '--no-op-offload', '--no-host', '--no-repack', '-np'];

const isOnOurCpu = ({ meta }: DeviceCase): boolean => {
  const likely = meta.profile === 'metal' ? 'arm-i8mm' : 'avx2';
  return (meta.cpu ?? likely) === likely;
};

describeShared('recorded logs are equal in every line', () => {
  it.each(partOf(listDeviceCases().filter((name) => isOnOurCpu(readDeviceCase(name)))))('%s', async (name) => {
    const recorded = readDeviceCase(name);
    const said = recorded.meta.args.filter((arg) => UNSAID.includes(arg));
    const flags = said.flatMap((flag) => {
      const value = recorded.meta.args[recorded.meta.args.indexOf(flag) + 1];
      return flag.startsWith('--') ? [flag] : [flag, value];
    });
    if (recorded.meta.args.includes('-fa')) expect(flags).toContain('-fa');
    const { code, lines } = await compared(sharedPath('gguf', recorded.meta.model), logFile(recorded), ...flags);
    // Without a mapped file the recording loaded no weights.
    const unloaded = lines.filter(({ printed }) => printed === '0.00 MiB');
    const different = lines.filter(({ isEqual }) => !isEqual);
    expect(different).toEqual(unloaded);
    for (const { reason } of unloaded) expect(reason).toBe('llama.cpp loaded no weights: it only measured');
    expect(code).toBe(unloaded.length > 0 ? 1 : 0);
    expect(lines.length).toBeGreaterThan(
      recorded.log.filter((line) => /(model|compute) buffer size/.test(line)).length,
    );
  });
});

const line = (what: string, figure: string): Line => ({
  what,
  printed: figure,
  measured: figure,
  isEqual: true,
  reason: null,
});

const LOG = `
build: 10573 (d775b8967) with GNU 13.3.0 for Linux x86_64
ggml_cuda_init: found 1 CUDA devices (Total VRAM: 24124 MiB):
  Device 0: NVIDIA GeForce RTX 4090, compute capability 8.9, VMM: yes, VRAM: 24124 MiB
0.00.312.001 I llama_prepare_model_devices: using device CUDA0 (NVIDIA GeForce RTX 4090) (0000:01:00.0) - 23500 MiB free
0.00.312.002 I print_info: arch                  = llama
0.00.312.003 I print_info: n_layer               = 32
load_tensors: offloading 15 repeating layers to GPU
load_tensors: offloaded 16/33 layers to GPU
load_tensors:   CPU_Mapped model buffer size =  2945.30 MiB
load_tensors:        CUDA0 model buffer size =  2398.49 MiB
llama_context: n_seq_max             = 4
llama_context: n_ctx                 = 8192
llama_context: n_ctx_seq             = 8192
llama_context: n_batch               = 2048
llama_context: n_ubatch              = 256
llama_context: flash_attn            = auto
llama_context: kv_unified            = true
llama_context: n_outputs_max         = 4
llama_context:  CUDA_Host  output buffer size =     1.96 MiB
llama_kv_cache:        CPU KV buffer size =   544.00 MiB
llama_kv_cache:      CUDA0 KV buffer size =   480.00 MiB
llama_kv_cache: size = 1024.00 MiB (  8192 cells,  32 layers,  4/1 seqs), K (f16):  512.00 MiB, V (f16):  512.00 MiB
sched_reserve:      CUDA0 compute buffer size =   84.94 MiB
sched_reserve:  CUDA_Host compute buffer size =    12.01 MiB
sched_reserve: graph nodes  = 998
sched_reserve: graph splits = 207 (with bs=256), 2 (with bs=1)
sched_reserve: reserve took 202.35 ms, sched copies = 1
`;

describe('compare', () => {
  it('reads devices and options from the log', async () => {
    const { runs, build, capabilities } = parseLlamaLog(LOG);
    expect({ build, capabilities: [...capabilities] }).toEqual({ build: 10573, capabilities: [[0, 8.9]] });
    expect(runs).toHaveLength(1);
    expect(runs[0].devices).toEqual([{ name: 'CUDA0', freeMiB: 23500 }]);
    expect(Object.fromEntries(runs[0].settings)).toMatchObject({ n_ctx: '8192', n_ubatch: '256', flash_attn: 'auto' });
    const { lines } = await compared(LLAMA, write('a.log', LOG));
    expect(lines.map(({ what }) => what)).toEqual([
      'offloaded layers',
      'CPU_Mapped model buffer',
      'CUDA0 model buffer',
      'CUDA_Host output buffer',
      'CPU KV or RS buffer',
      'CUDA0 KV or RS buffer',
      'CUDA0 compute buffer',
      'CUDA_Host compute buffer',
      'graph nodes',
      'graph splits',
      'sched copies',
    ]);
    expect(lines.filter(({ isEqual }) => !isEqual)).toEqual([]);
  });

  it('prints the lines side by side', async () => {
    const { code, out, err } = await cli('compare', LLAMA, write('b.log', LOG));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^line +llama\.cpp +here +equal$/m);
    expect(out).toMatch(/^offloaded layers +16\/33 +16\/33 +yes$/m);
    expect(out).toMatch(/^CUDA0 compute buffer +84\.94 MiB +84\.94 MiB +yes$/m);
    expect(out).toMatch(/^graph splits +207 \(pp\), 2 \(tg\) +207 \(pp\), 2 \(tg\) +yes$/m);
    expect(out).toMatch(/\n\nAll 11 lines are equal\.\n$/);
  });

  it.each([
    ['2945.30', '2545.24', 'CPU_Mapped model buffer', 'spans the file from its first to its last tensor'],
    ['84.94', '84.95', 'CUDA0 compute buffer', null],
    ['nodes  = 998', 'nodes  = 997', 'graph nodes', null],
    ['16/33', '16/33 layers, 17/33', 'offloaded layers', undefined],
    ['480.00', '448.00', 'CUDA0 KV or RS buffer', 'are -ts, -nkvo and --swa-full as in the command'],
    ['copies = 1', 'copies = 4', 'sched copies', 'one copy only'],
  ])('finds that %s is %s', async (from, to, what, reason) => {
    const { code, lines } = await compared(LLAMA, write('c.log', LOG.replace(from, to)));
    const different = lines.filter(({ isEqual }) => !isEqual);
    if (reason === undefined) return void expect(different).toEqual([]);
    expect(code).toBe(1);
    expect(different.map((line) => line.what)).toEqual([what]);
    if (reason === null) expect(different[0].reason).toBeNull();
    else expect(different[0].reason).toContain(reason);
  });

  it('says what may explain a difference', async () => {
    const reasons = async (log: string, ...flags: string[]): Promise<string> => {
      const { lines } = await compared(LLAMA, write('d.log', log), ...flags);
      return lines.map(({ reason }) => reason ?? '').join('\n');
    };
    expect(await reasons(LOG.replace('10573', '8123').replace('84.94', '90.00'))).toContain('of build 8123');
    expect(await reasons(LOG.replace(/.*n_outputs_max.*\n/, '').replace('84.94', '90.00'))).toContain('n_outputs_max');
    // Without the outputs the build may be the reason as well, also once --program is given.
    const older = LOG.replace(/.*n_outputs_max.*\n/, '')
      .replace('10573', '8123')
      .replace('84.94', '90.00');
    expect(await reasons(older, '--program', 'server')).toMatch(/n_outputs_max, .*; the log is of build 8123/);
    expect(await reasons(LOG, '--no-host')).toContain('the log has no CPU_REPACK');
    expect(await reasons(LOG, '-ngl', '17')).toContain('are -ngl, -ts, -ot and -ncmoe as in the command');
    expect(await reasons(LOG.replace('16/33', '16/29'))).toContain('another number of layers');
  });

  it('lets flags win', async () => {
    const { code, lines } = await compared(LLAMA, write('e.log', LOG), '-c', '4096', '--gpu', 'cuda:48GiB');
    expect(code).toBe(1);
    expect(lines.find(({ what }) => what === 'CPU KV or RS buffer')).toMatchObject({ measured: '272.00 MiB' });
  });

  it('takes the run that is the model’s, and its first context', async () => {
    const draft = LOG.replace('16/33', '16/29').replace('84.94 MiB', '1.00 MiB');
    const context = LOG.slice(LOG.indexOf('llama_context: n_seq_max')).replace('8192', '512');
    for (const log of [LOG + draft, draft + LOG, LOG + context]) {
      const { code, err, lines } = await compared(LLAMA, write('f.log', log));
      expect(lines.filter(({ isEqual }) => !isEqual)).toEqual([]);
      expect(code).toBe(0);
      expect(err).toMatch(log.endsWith(context) ? /^$/ : /compared is number [12] of 2\n$/);
    }
  });

  it('adds up what several lines say of one type', async () => {
    const parts =
      'CPU_Mapped model buffer size = 1945.30 MiB\nload_tensors: CPU_Mapped model buffer size =  1000.00 MiB';
    const log = LOG.replace(/CPU_Mapped model buffer size = +2945\.30 MiB/, parts);
    const { code, lines } = await compared(LLAMA, write('g.log', log));
    expect(code).toBe(0);
    expect(lines[1]).toMatchObject({ printed: '1945.30 + 1000.00 MiB', measured: '2945.30 MiB' });
  });

  it('reads the table that is printed at the end', async () => {
    const said = 'common_memory_breakdown_print: |';
    const table = `
${said} memory breakdown [MiB] | total   free     self   model   context   compute    unaccounted |
${said}   - CUDA0 (RTX 4090)   | 24124 = 20100 + (2963 =  2398 +     480 +      84) +        1061 |
${said}   - Host               |                  3501 =  2945 +     544 +      12                |
`;
    const { code, lines } = await compared(LLAMA, write('table.log', LOG + table));
    expect(lines.slice(-2)).toEqual([
      line('CUDA0 in the table of memory', '2963 = 2398 + 480 + 84 MiB'),
      line('Host in the table of memory', '3501 = 2945 + 544 + 12 MiB'),
    ]);
    expect(code).toBe(0);
    const wrong = await compared(LLAMA, write('table.log', LOG + table.replace('+      84)', '+      85)')));
    expect(wrong.code).toBe(1);
  });

  it('compares adapters whose files are given', async () => {
    const log = `${LOG}\nllama_adapter_lora_init_impl:      CUDA0 LoRA buffer size =     1.00 MiB\n`;
    const { code, lines } = await compared(LLAMA, write('lora.log', log));
    expect(code).toBe(1);
    expect(lines.find(({ isEqual }) => !isEqual)).toMatchObject({
      what: 'CUDA0 LoRA buffer',
      measured: null,
      reason: 'the log has a LoRA adapter: give its file as --lora',
    });
  });

  it('needs no lines on the memory of one device', async () => {
    const { code } = await compared(LLAMA, write('h.log', LOG.replace(/.*using device.*\n/, '')));
    expect(code).toBe(0);
  });

  it.each([
    ['', 'the file is empty'],
    ['hello', 'has no line of llama.cpp'],
    [LOG.replaceAll('CUDA0', 'SYCL0'), 'the device SYCL0, which is none of CUDA'],
    [
      LOG.replace(/.*using device.*\n/, '').replace('CUDA_Host compute', 'CUDA1 compute'),
      'has CUDA0, CUDA1, but not how much memory is free',
    ],
    [LOG.replace('n_seq_max             = 4', 'n_seq_max = 4000'), '--parallel'],
  ])('refuses what it cannot use (%#)', async (log, message) => {
    const file = write('bad.log', log);
    const { code, err } = await compared(LLAMA, file);
    expect(code).toBe(2);
    expect(err).toContain(`error: ${file}: `);
    expect(err).toContain(message);
  });
});

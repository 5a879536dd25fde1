/**
 * Logs of llama.cpp that people have published, and what this library says of the same models, machines and options.
 *
 * Invariant: every figure of a log is as the log prints it. A figure of ours that differs stands beside it, with the
 * reason if that is known.
 */
import type { Program } from '../../src/models/programs.js';
import { Q4_0, Q4_K_M, Q5_K_M, shardOrder } from './models/mixes.js';
import { gemma, llama, qwen2, qwen3 } from './models/architectures.js';
import type { Recipe } from './models/recipe.js';

/** What a log prints; or that, what we say, and why the two differ. */
export type Figure = string | readonly [log: string, ours: string, reason: string];

export interface PublicLog {
  /** Who published it. */
  readonly source: string;
  readonly build: string;
  readonly machine: string;
  /** The devices besides the CPU, as `parseDevices` reads them. */
  readonly devices: readonly string[];
  readonly model: string;
  readonly header: () => Recipe;
  /** llama.cpp's flags, with those that the log shows to be set otherwise. */
  readonly flags: string;
  readonly program: Program;
  /** What has to be known of the run besides. */
  readonly note?: string;
  /** MiB by buffer type and purpose; `graph nodes` is a number, `graph splits` are those of the prompt and of one token. */
  readonly figures: Readonly<Record<string, Figure>>;
}

const UNKNOWN = 'Not explained.';
const FLOAT_MASK = 'The older build keeps the mask of attention in F32, with twice the bytes.';
const FLOAT_MASK_AND_CAST =
  'The older build keeps four masks in F32 on the first device (+128 MiB), and one cast of them to F16 (+32 MiB).';
const FLOAT_MASK_AND_PLACE =
  'The older build has the mask in F32 and its cast in this buffer too, and so the last results lie elsewhere.';
const CAST = 'The older build casts the mask of attention from F32 to F16: one node.';

const LLAMA_3 = { headLength: 128, vocabulary: 128256, context: 131072, hasRopeFactors: true };
const LLAMA_8B = { ...LLAMA_3, layers: 32, width: 4096, heads: 32, kvHeads: 8, feedForward: 14336 };
const LLAMA_3B = { ...LLAMA_3, layers: 28, width: 3072, heads: 24, kvHeads: 8, feedForward: 8192, isTied: true };
const QWEN_3 = { headLength: 128, vocabulary: 151936, context: 40960 };
const QWEN_4B = { ...QWEN_3, layers: 36, width: 2560, heads: 32, kvHeads: 8, feedForward: 9728, isTied: true };
// prettier-ignore
const HEADERS = {
  hermes8b: () => llama({ ...LLAMA_8B, type: Q4_0 }).ordered(shardOrder),
  llama8b: () => llama({ ...LLAMA_8B, hasRopeFactors: false, type: Q4_K_M }),
  llama3bQ4: () => llama({ ...LLAMA_3B, type: Q4_K_M }).ordered(shardOrder),
  llama3bQ5: () => llama({ ...LLAMA_3B, type: Q5_K_M }),
  tinyLlama: () => llama({ layers: 22, width: 2048, heads: 32, kvHeads: 4, feedForward: 5632, vocabulary: 32000, context: 2048, type: Q4_K_M }),
  smolLm: () => llama({ layers: 30, width: 576, heads: 9, kvHeads: 3, feedForward: 1536, vocabulary: 49152, context: 8192, isTied: true, type: Q4_K_M }).ordered(shardOrder),
  qwen05b: () => qwen2({ layers: 24, width: 896, heads: 14, kvHeads: 2, feedForward: 4864, vocabulary: 151936, context: 32768, type: Q4_K_M }).ordered(shardOrder),
  qwen7b: () => qwen2({ layers: 28, width: 3584, heads: 28, kvHeads: 4, feedForward: 18944, vocabulary: 152064, context: 131072, type: 'q8_0' }),
  qwen4b: () => qwen3({ ...QWEN_4B, type: Q4_K_M }),
  qwen30b: () => qwen3({ ...QWEN_3, layers: 48, width: 2048, heads: 32, kvHeads: 4, feedForward: 6144, experts: 128, usedExperts: 8, expertLength: 768, type: Q4_K_M }),
  gemma2b: () => gemma({ generation: 2, layers: 26, width: 2304, heads: 8, kvHeads: 4, headLength: 256, feedForward: 9216, vocabulary: 256000, context: 8192, window: 4096, isTied: true, type: Q4_K_M }),
} satisfies Record<string, () => Recipe>;

const ananke = (flags: string, figures: PublicLog['figures'], devices = ['cuda:24GiB:8.6']): PublicLog => ({
  source: 'philpax/ananke',
  build: 'mid 2026',
  machine: devices.length === 0 ? 'CPU only' : 'RTX 3090',
  devices,
  model: 'Qwen3-4B',
  header: HEADERS.qwen4b,
  flags,
  program: 'server',
  figures,
});

export const PUBLIC_LOGS: readonly PublicLog[] = [
  ananke('-ngl 99 -c 8192 -ub 512 -fa on -np 4', { 'CUDA_Host compute': '12.01' }),
  ananke('-ngl 99 -c 16384 -ub 512 -fa on -np 4', { 'CUDA_Host compute': '14.01' }),
  ananke('-ngl 99 -c 32768 -ub 512 -fa on -np 4', { 'CUDA_Host compute': '18.01' }),
  ananke('-ngl 18 -c 32768 -ub 512 -fa on -np 4', { 'CUDA_Host compute': '18.01' }),
  ananke('-ngl 0 -c 32768 -ub 512 -fa on -np 4', { 'CUDA_Host compute': '18.01' }),
  ananke('-ngl 99 -c 65536 -ub 512 -fa on -np 4', { 'CUDA_Host compute': '26.01' }),
  ananke('-ngl 99 -c 16384 -ub 512 -fa off -np 4', { 'CUDA_Host compute': '22.01' }),
  ananke('-ngl 99 -c 32768 -ub 512 -fa off -np 4', { 'CUDA_Host compute': '30.01' }),
  ananke('-c 32768 -ub 512 -fa on -np 4', { 'CPU compute': ['88', '88.01', 'The log has no decimals.'] }, []),
  {
    source: '59150710300 (bloomery)',
    build: 'August 2026',
    machine: 'RTX 5080 with Vulkan',
    devices: ['vulkan:16GiB'],
    model: 'Qwen2.5-Coder-7B Q8_0',
    header: HEADERS.qwen7b,
    flags: '-ngl 99 -c 16384 -ub 512 -np 1',
    program: 'library',
    figures: { 'Vulkan0 context': '896.00', 'Vulkan0 compute': '304.00', 'Vulkan_Host compute': '30.01' },
  },
  {
    source: '61471163053',
    build: 'June 2026, in ollama',
    machine: 'RTX 2060 (compute capability 7.5; 5141 of 5738 MiB free)',
    devices: ['cuda:6016729088/5390729216:7.5'],
    model: 'Hermes 3 (Llama 3.1 8B) Q4_0',
    header: HEADERS.hermes8b,
    flags: '-ngl 15 -c 32768 -b 512 -ub 512 -np 1',
    program: 'server',
    note: 'The 15 layers are what llama.cpp itself found to fit.',
    figures: {
      'CPU_Mapped weights': '2676.44',
      'CUDA0 weights': '2049.43',
      'CPU context': '2304.00',
      'CUDA0 context': '1792.00',
      'CUDA0 compute': '248.00',
      'CUDA_Host compute': '48.01',
      'CUDA_Host output': '0.49',
      'graph nodes': '998',
      'graph splits': '219, 2',
    },
  },
  {
    source: '63454661244 (tobocop2/lilbee)',
    build: 'b9665',
    machine: '2 × A40 (45231 of 45498 MiB free each)',
    devices: ['cuda:45498MiB/45231MiB:8.6', 'cuda:45498MiB/45231MiB:8.6'],
    model: 'SmolLM2-135M Q4_K_M',
    header: HEADERS.smolLm,
    flags: '-ngl 99 -c 2048',
    program: 'server',
    note: 'The server’s default: four sequences share one cache.',
    figures: {
      'CPU_Mapped weights': '28.69',
      'CUDA0 weights': '37.86',
      'CUDA1 weights': '61.08',
      'CUDA0 context': '24.00',
      'CUDA1 context': '21.00',
      'CUDA0 compute': '24.91',
      'CUDA1 compute': '24.91',
      'CUDA_Host compute': '10.30',
      'CUDA_Host output': '0.75',
    },
  },
  {
    source: '54749245065 (ollama)',
    build: 'early 2026',
    machine: '2 NVIDIA GPUs of unknown size',
    devices: ['cuda:24GiB:8.6', 'cuda:24GiB:8.6'],
    model: 'Llama 3.2 3B Q4_K_M',
    header: HEADERS.llama3bQ4,
    flags: '-ngl 99 -c 32768',
    program: 'library',
    note: 'The size of the context follows from the cache. Both GPUs are taken to have the same free memory.',
    figures: {
      'CPU_Mapped weights': '308.23',
      'CUDA0 weights': '852.89',
      'CUDA1 weights': '1065.46',
      'CUDA0 context': '1920.00',
      'CUDA1 context': '1664.00',
      'CUDA0 compute': ['378.04', '218.04', FLOAT_MASK_AND_CAST],
      'CUDA1 compute': '408.55',
      'CUDA_Host compute': ['268.05', '140.05', FLOAT_MASK],
    },
  },
  {
    source: '60391774530',
    build: 'September 2026',
    machine: '2 × Arc Pro B70 with Vulkan (31789 of 32558 MiB free each)',
    devices: ['vulkan:32558MiB/31789MiB', 'vulkan:32558MiB/31789MiB'],
    model: 'Qwen3 30B-A3B Q4_K_M',
    header: HEADERS.qwen30b,
    flags: '-ngl 99 -c 131072 -np 1 --no-mmap',
    program: 'server',
    note: 'The size of the context follows from the cache. The number of sequences is not in the log.',
    figures: {
      'Vulkan_Host weights': '166.92',
      'Vulkan0 weights': '8975.63',
      'Vulkan1 weights': '8548.79',
      'Vulkan0 context': '6400.00',
      'Vulkan1 context': '5888.00',
      'Vulkan0 compute': ['712.08', '612.04', UNKNOWN],
      'Vulkan1 compute': ['712.08', '612.04', UNKNOWN],
      'Vulkan_Host compute': ['528.09', '520.05', UNKNOWN],
    },
  },
  {
    source: '55459251244',
    build: 'b9010',
    machine: 'Apple M1 Max',
    devices: ['metal:32GiB'],
    model: 'Qwen3-4B Q4_K_M',
    header: HEADERS.qwen4b,
    flags: '-ngl 99 -c 2048',
    program: 'library',
    note: 'Run by llama-completion, which wants logits as a library does.',
    figures: {
      'CPU_Mapped weights': '304.28',
      'MTL0_Mapped weights': '2375.91',
      'MTL0 context': '288.00',
      'MTL0 compute': '301.75',
    },
  },
  {
    source: '54569106199',
    build: 'early 2026',
    machine: 'a Mac with Metal',
    devices: ['metal:16GiB'],
    model: 'Llama 3.2 3B',
    header: HEADERS.llama3bQ4,
    flags: '-ngl 99 -c 2048',
    program: 'library',
    note: 'The size of the context follows from the cache.',
    figures: { 'MTL0 context': '224.00', 'MTL0 compute': '262.50' },
  },
  {
    source: '71481058962',
    build: '2026',
    machine: 'Apple M1 Pro',
    devices: ['metal:10922MiB/8203MiB'],
    model: 'Llama 3.2 3B Q5_K_M',
    header: HEADERS.llama3bQ5,
    flags: '-ngl 99 -c 4096 -b 128 -ub 128 -fa on',
    program: 'library',
    figures: {
      'CPU_Mapped weights': '308.23',
      'MTL0_Mapped weights': '2207.10',
      'MTL0 context': '448.00',
      'MTL0 compute': ['64.12', '65.62', FLOAT_MASK_AND_PLACE],
      'CPU compute': ['5.00', '4.00', FLOAT_MASK],
      'CPU output': '0.49',
      'graph nodes': ['875', '874', CAST],
      'graph splits': '2, 2',
    },
  },
  {
    source: '18104723189',
    build: 'early 2026',
    machine: 'Apple M4, with BLAS',
    devices: ['metal:12124MiB/12123MiB'],
    model: 'Qwen2.5-0.5B Q4_K_M',
    header: HEADERS.qwen05b,
    flags: '-ngl 99 -c 512',
    program: 'library',
    figures: {
      'CPU_Mapped weights': '89.26',
      'MTL0_Mapped weights': '462.96',
      'MTL0 context': '6.00',
      'MTL0 compute': '300.25',
      'CPU compute': ['4.51', '4.01', FLOAT_MASK],
      'CPU output': '0.58',
      'graph nodes': ['823', '822', CAST],
      'graph splits': '2, 2',
    },
  },
  {
    source: '47209433997',
    build: '2024',
    machine: 'RTX 3070',
    devices: ['cuda:8GiB:8.6'],
    model: 'Llama 3 8B Q4_K_M',
    header: HEADERS.llama8b,
    flags: '-ngl 99 -c 512 -fa off',
    program: 'library',
    note: 'That build calls `CPU_Mapped` `CPU`.',
    figures: {
      'CPU_Mapped weights': '281.81',
      'CUDA0 weights': '4403.49',
      'CUDA0 context': '64.00',
      'CUDA0 compute': '258.50',
      'CUDA_Host compute': [
        '9.01',
        '21.01',
        'An older graph: no second input of embeddings (8 MiB), no row numbers of the transposed values (4 MiB).',
      ],
      'CUDA_Host output': '0.49',
      'graph nodes': ['1030', '1158', 'An older graph: four nodes fewer in each layer.'],
      'graph splits': '2, 2',
    },
  },
  {
    source: '46940380535',
    build: 'b7445',
    machine: 'CPU with AVX2 (haswell)',
    devices: [],
    model: 'Gemma 2 2B Q4_K_M',
    header: HEADERS.gemma2b,
    flags: '-c 8192 -np 4 -kvu',
    program: 'library',
    note: 'Run by llama-server, by default with four sequences that share one cache. A server of that build keeps room for logits of every token, as a library does.',
    figures: {
      'CPU_Mapped weights': '1623.67',
      'CPU_REPACK weights': '921.38',
      'CPU context': '832.00',
      'CPU compute': '509.00',
      'CPU output': '3.91',
      'graph nodes': ['948', '946', UNKNOWN],
      'graph splits': '1, 1',
    },
  },
  {
    source: '52033251483 (llama-cpp-python 0.3.20)',
    build: 'April 2026',
    machine: 'CPU with AVX2',
    devices: [],
    model: 'TinyLlama 1.1B Q4_K_M',
    header: HEADERS.tinyLlama,
    flags: '-c 512 -b 512 -ub 512 -fa off',
    program: 'library',
    figures: {
      'CPU_Mapped weights': '636.18',
      'CPU_REPACK weights': '455.06',
      'CPU context': '11.00',
      'CPU compute': '70.50',
      'CPU output': '0.12',
      'graph nodes': '798',
      'graph splits': '1, 1',
    },
  },
  {
    source: 'llama-cpp-python log',
    build: 'April 2026',
    machine: 'CPU',
    devices: [],
    model: 'TinyLlama 1.1B Q4_K_M',
    header: HEADERS.tinyLlama,
    flags: '-c 1024 -b 512 -ub 512 -fa off',
    program: 'library',
    figures: { 'CPU context': '22.00', 'CPU compute': '87.01', 'graph nodes': '798' },
  },
];

/**
 * `npm run bench:finetune`: what others measured on GPUs while they fine-tuned, beside what we plan and what formulas
 * say. Prints one table for each source, with the median and the worst error.
 *
 * Invariant: each case is what its source says of the run; nothing is fitted to the measured figure.
 */
import { readTable, type Row } from '../test/support/training-tables.js';
import {
  builtInModel,
  measureDistributed,
  modelFromConfig,
  publishedEstimates,
  type TrainingModel,
  type TrainingRun,
  type TrainingStrategy,
} from '../src/training/index.js';

const GIB = 1024 ** 3;

/** A measured figure with the run that it is of. */
interface Case {
  readonly name: string;
  readonly measured: number;
  readonly model: TrainingModel;
  readonly run: TrainingRun;
  readonly strategy?: TrainingStrategy;
  /** Whether the figure is what the allocator reserves. Default: what tensors take. */
  readonly isReserved?: boolean;
}

const ALL = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];
const GPU = { device: 'cuda', precision: 'bf16', implementation: 'foreach' } as const;

function litgpt(): Case[] {
  const models: Readonly<Record<string, string>> = { 'Llama 2 7B': 'llama-2-7b', 'Llama 2 13B': 'llama-2-13b' };
  return readTable('litgpt')
    .filter(({ model, method, memory_gb }) => model in models && method === 'LoRA' && memory_gb !== '')
    .filter(({ quantization }) => quantization === 'none' || quantization === 'nf4-dq')
    .map((row): Case => {
      const gpus = Number(row.gpus);
      return {
        name: `${row.model} ${row.quantization} x ${row.micro_batch}, ${gpus} GPUs`,
        measured: Number(row.memory_gb) * 1e9,
        model: builtInModel(models[row.model]),
        run: {
          ...GPU,
          batch: Number(row.micro_batch),
          sequence: Number(row.longest_sequence),
          method: row.quantization === 'none' ? 'lora' : 'qlora',
          lora: { rank: 8, targets: ['q', 'v'], precision: 'bf16' },
          checkpointing: row.checkpointing === 'on' ? 'layer' : 'none',
        },
        strategy: gpus > 1 ? { gpus, dataParallel: 'fsdp' } : {},
      };
    });
}

/** Each step stands on the one before; what a compiler fuses is not planned. */
function ladder(): Case[] {
  const model = builtInModel('llama-3.2-3b');
  const steps: Readonly<Record<string, Partial<TrainingRun>>> = {
    packed: {},
    'chunked cross entropy': { lossChunks: 8 },
    'activation checkpointing': { checkpointing: 'layer' },
    'optimizer step in backward': { stepInBackward: true },
    'activation offloading': { offloadActivations: true },
    '8-bit AdamW': { optimizer: 'adamw-8bit' },
    LoRA: { method: 'lora', lora: { rank: 8, targets: ['q', 'v'], precision: 'bf16' }, stepInBackward: false },
    QLoRA: { method: 'qlora' },
  };
  let run: TrainingRun = { ...GPU, batch: 2, sequence: 4096 };
  return readTable('torchtune-ladder').flatMap((row): Case[] => {
    if (!(row.added in steps)) return [];
    run = { ...run, ...steps[row.added] };
    return [{ name: row.added, measured: Number(row.peak_active_gib) * GIB, model, run }];
  });
}

function peft(): Case[] {
  const model = builtInModel('llama-3.2-3b');
  const run: TrainingRun = { ...GPU, batch: 4, sequence: 768, method: 'lora', lora: { rank: 32, targets: ['q', 'v'] } };
  const runs: Readonly<Record<string, TrainingRun>> = {
    'full (bf16)': { ...run, method: 'full' },
    'LoRA r 32': run,
    'LoRA r 64': { ...run, lora: { rank: 64, targets: ['q', 'v'] } },
  };
  return readTable('peft-llama-3.2-3b')
    .filter(({ method }) => method in runs)
    .map((row) => ({
      name: row.method,
      measured: Number(row.reserved_max_bytes),
      model,
      run: runs[row.method],
      isReserved: true,
    }));
}

/** Bytes of a token, out of two lengths: what the driver's share of a figure does not touch. */
function qwenSlopes(): void {
  const sizes: Readonly<Record<string, readonly [number, number, number, number]>> = {
    '1.8B': [2048, 5504, 24, 16],
    '7B': [4096, 11008, 32, 32],
    '14B': [5120, 13696, 40, 40],
  };
  const rows = readTable('qwen-readme').filter(
    ({ method, gpus, size }) => method === 'LoRA' && gpus === '1' && size in sizes,
  );
  const errors: number[] = [];
  console.log('\nQwen README, slope of LoRA in bytes a token');
  for (const [size, [hidden, ffn, layers, heads]] of Object.entries(sizes)) {
    const model = modelFromConfig({
      model_type: 'qwen2',
      vocab_size: 151936,
      hidden_size: hidden,
      intermediate_size: ffn,
      num_hidden_layers: layers,
      num_attention_heads: heads,
    });
    const figure = (length: number): number =>
      Number(rows.find((row: Row) => row.size === size && row.sequence === String(length))!.memory_gb) * 1e9;
    const ours = (sequence: number): number => {
      const lora = { rank: 64, targets: ALL, precision: 'bf16' } as const;
      const run: TrainingRun = {
        ...GPU,
        batch: 1,
        sequence,
        method: 'lora',
        lora,
        checkpointing: 'layer',
        attention: 'flash',
      };
      return peakOf({ name: size, measured: 0, model, run });
    };
    for (const [from, to] of [
      [1024, 2048],
      [2048, 4096],
      [4096, 8192],
    ] as const) {
      const measured = (figure(to) - figure(from)) / (to - from);
      const planned = (ours(to) - ours(from)) / (to - from);
      errors.push(Math.abs(planned / measured - 1));
      console.log(
        `  ${size} ${from} to ${to}: measured ${measured.toFixed(0)}, ours ${planned.toFixed(0)} (${percent(planned, measured)})`,
      );
    }
  }
  summarise(errors);
}

function peakOf({ model, run, strategy, isReserved }: Case): number {
  const [device] = measureDistributed(model, run, strategy).devices;
  return isReserved === true ? device.reserved : Math.max(device.firstPeak, device.steadyPeak);
}

const percent = (found: number, truth: number): string => `${(100 * (found / truth - 1)).toFixed(1)} %`;

function print(title: string, cases: readonly Case[]): void {
  console.log(`\n${title}`);
  const errors: number[] = [];
  for (const each of cases) {
    try {
      const ours = peakOf(each);
      errors.push(Math.abs(ours / each.measured - 1));
      const { ruleOfThumb, megatron, dnnmem } = publishedEstimates(each.model, each.run, each.strategy);
      const others = Object.entries({ ruleOfThumb, megatron, dnnmem }).map(
        ([name, bytes]) => `${name} ${percent(bytes, each.measured)}`,
      );
      console.log(
        `  ${each.name}: measured ${(each.measured / 1e9).toFixed(2)} GB, ours ${(ours / 1e9).toFixed(2)} (${percent(ours, each.measured)}); ${others.join(', ')}`,
      );
    } catch (error) {
      console.log(`  ${each.name}: not planned: ${(error as Error).message}`);
    }
  }
  summarise(errors);
}

function summarise(errors: readonly number[]): void {
  const sorted = errors.toSorted((a, b) => a - b);
  if (sorted.length === 0) return;
  const median = sorted[Math.floor(sorted.length / 2)];
  console.log(
    `  median error ${(100 * median).toFixed(1)} %, worst ${(100 * sorted.at(-1)!).toFixed(1)} %, ${sorted.length} cases`,
  );
}

print('LitGPT, Llama 2 with LoRA: max allocated', litgpt());
print('torchtune, the ladder of Llama 3.2 3B: peak active', ladder());
print('PEFT, Llama 3.2 3B: reserved', peft());
qwenSlopes();
console.log('\nLLMem, table 2: batch sizes are not published, so that its rows cannot be planned.');

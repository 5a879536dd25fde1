/**
 * What a process takes of a GPU before its first tensor, by card: the CUDA context with the kernels of the libraries, and
 * the workspaces of cuBLAS, which the caching allocator holds.
 *
 * Invariant: bytes. A context is a range, because it depends on driver, CUDA version and the kernels that a program loads. Memory
 * is what the driver reports in all, which is less than what is sold.
 */
import { checkArgument } from '../../errors.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** A kind of GPU. */
export interface CudaCard {
  readonly name: string;
  /** Bytes that the driver reports in all. */
  readonly memory: number;
  /** Bytes of the CUDA context, from the least to the most that was seen. */
  readonly context: { readonly least: number; readonly most: number };
  /** Bytes that PyTorch allocates for cuBLAS with the first product of matrices. */
  readonly workspaces: number;
  /** Where the range of the context comes from. */
  readonly source: string;
}

/** Since CUDA 11.7 kernels are loaded when they are first used. Measured: 0.13 GiB on an A2000, 0.62 GiB on an RTX 5090. */
const LAZY = {
  context: { least: 0.13 * GIB, most: 0.62 * GIB },
  source:
    'range over all cards: 0.13 GiB (A2000, driver 575) to 0.62 GiB (RTX 5090, driver 595), torch 2.12, measured by loggetta',
};

/** PyTorch 1.x and CUDA before 11.7 load every kernel at once. */
const EAGER = {
  context: { least: 0.3 * GIB, most: 1.0 * GIB },
  source:
    'PyTorch issues 20532 (300 to 400 MB, torch 1.1) and 28394 (1 GB, torch 1.3); from CUDA 11.7 on kernels load lazily',
};

/** `:4096:2:16:8`, and what NVIDIA recommends from Hopper on. */
const WORKSPACE = 4096 * 1024 * 2 + 16 * 1024 * 8;
const HOPPER_WORKSPACE = 32 * MIB;

const row = (name: string, mib: number, more: Partial<CudaCard> = {}): CudaCard => ({
  name,
  memory: mib * MIB,
  workspaces: WORKSPACE,
  ...LAZY,
  ...more,
});

const measured = (gib: number, source: string): Partial<CudaCard> => ({
  context: { least: gib * GIB, most: gib * GIB },
  source: `${source}, torch 2.12, measured by loggetta`,
});

/** The cards that the library knows. A missing one may be written down in the same form. */
export const CUDA_CARDS: readonly CudaCard[] = [
  row('T4', 15360),
  row('V100-16GB', 16160, EAGER),
  row('V100-32GB', 32510, EAGER),
  row('A2000-12GB', 12288, measured(0.13, '0.13 GiB, driver 575')),
  row('A10', 23028),
  row('A100-40GB', 40960),
  row('A100-80GB', 81920),
  row('A6000', 49140),
  row('L4', 23034),
  row('L40S', 46068),
  row('RTX-3060-12GB', 12288),
  row('RTX-3090', 24576),
  row('RTX-4090', 24564),
  row('RTX-5090', 32607, { ...measured(0.62, '0.62 GiB, driver 595'), workspaces: HOPPER_WORKSPACE }),
  row('H100-80GB', 81559, { workspaces: HOPPER_WORKSPACE }),
  row('H200', 143771, { workspaces: HOPPER_WORKSPACE }),
];

/**
 * The card of a name, whatever the case of its letters: `A100-80GB`.
 *
 * @throws PlannerError `BAD_ARGUMENT` if the library knows none
 */
export function cudaCard(name: string): CudaCard {
  const card =
    typeof name === 'string' ? CUDA_CARDS.find((each) => each.name.toLowerCase() === name.toLowerCase()) : undefined;
  const names = CUDA_CARDS.map((each) => each.name).join(', ');
  checkArgument(card !== undefined, 'name', name, `one of ${names}`, 'Describe another card in the same form.');
  return card;
}

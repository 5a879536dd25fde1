/**
 * What llama.cpp changes by itself so that a model fits, in a sentence and as plain data.
 */
import { counted } from '../format.js';
import type { LlamaCppFit } from '../models/fit/llama-cpp.js';

type Changes = LlamaCppFit['changes'];

/** What was changed, or why not, and whether that is enough. */
export function describeLlamaCppFit({ status, reason, changes, fits }: LlamaCppFit): string[] {
  const words = changesText(changes);
  const lines: string[] = [];
  if (words !== '') lines.push(`llama.cpp itself chooses ${words} (-fit on, its default).`);
  else if (status === 'success')
    lines.push('llama.cpp itself changes nothing: enough stays free (-fit on, its default).');
  if (status === 'failure') lines.push(`llama.cpp itself chooses no layers: ${asFlags(reason ?? '')}.`);
  else if (!fits) lines.push('Less stays free than llama.cpp wants: it does not measure its choice.');
  return lines;
}

/** The changes as flags: `-c 8192 -ngl 20`. Where tensors go is only counted. */
export function changesText({ ctxSize, gpuLayers, tensorSplit, overrideTensors = [] }: Changes): string {
  return [
    ...(ctxSize === undefined ? [] : [`-c ${ctxSize}`]),
    ...(gpuLayers === undefined ? [] : [`-ngl ${gpuLayers}`]),
    ...(tensorSplit === undefined ? [] : [`-ts ${tensorSplit.join(',')}`]),
    ...(overrideTensors.length === 0 ? [] : [`-ot with ${counted(overrideTensors.length, 'pattern')}`]),
  ].join(' ');
}

/** The same as `--json` prints it; what llama.cpp leaves alone is null. */
export function llamaCppFitJson({ status, reason, changes, fits }: LlamaCppFit): object {
  return { status, reason, keepsTargets: fits, changes: changesJson(changes) };
}

/** Options that llama.cpp may change, null where they are its default. */
export function changesJson({ ctxSize, gpuLayers, tensorSplit, overrideTensors }: Changes): object {
  return {
    ctxSize: ctxSize ?? null,
    gpuLayers: gpuLayers ?? null,
    tensorSplit: tensorSplit ?? null,
    overrideTensors: overrideTensors ?? null,
  };
}

/** A reason with the options under the names of their flags. */
function asFlags(reason: string): string {
  return reason
    .replace('the option gpuLayers', '-ngl')
    .replace('the option tensorSplit', '-ts')
    .replace(/, so .*/, '');
}

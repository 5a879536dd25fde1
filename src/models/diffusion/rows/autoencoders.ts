/**
 * The numbers of the autoencoders.
 */
import type { KlAutoencoderDescription } from '../families/kl-autoencoder.js';
import type { WanAutoencoderDescription } from '../families/wan-autoencoder.js';

export const KL_4: KlAutoencoderDescription = {
  kind: 'kl',
  latentChannels: 4,
  channels: 128,
  multipliers: [1, 2, 4, 4],
  blocksPerLevel: 2,
  hasQuantConvolution: true,
};
export const KL_16: KlAutoencoderDescription = { ...KL_4, latentChannels: 16, hasQuantConvolution: false };
export const WAN_VAE: WanAutoencoderDescription = {
  kind: 'wan-vae',
  latentChannels: 16,
  channels: { encoder: 96, decoder: 96 },
  multipliers: [1, 2, 4, 4],
  halvesTime: [false, true, true],
  blocksPerLevel: 2,
  patch: 1,
  hasShortcuts: false,
};
export const WAN_VAE_22: WanAutoencoderDescription = {
  ...WAN_VAE,
  latentChannels: 48,
  channels: { encoder: 160, decoder: 256 },
  patch: 2,
  hasShortcuts: true,
};

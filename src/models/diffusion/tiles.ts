/**
 * The tiles that an autoencoder works on with `--vae-tiling`.
 *
 * Behaviour as in stable-diffusion.cpp's `VAE::get_tile_sizes` and `process_tiles_2d`.
 */

/** Latent pixels along one side of a tile, if nothing else is said. */
export const DEFAULT_TILE = 32;
/** Latent pixels along one side of the smallest tile. */
export const SMALLEST_TILE = 4;

/** Width and height. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * The tiles of a latent image, in latent pixels; no larger than the image.
 *
 * @param factor how much larger tiles are when pixels become a latent image
 */
export function tileOf(latent: Size, wanted: Size, factor: number): Size {
  const lengthOf = (tile: number, whole: number): number =>
    Math.min(whole, Math.max(SMALLEST_TILE, Math.min(whole, Math.trunc(tile * factor))));
  return { width: lengthOf(wanted.width, latent.width), height: lengthOf(wanted.height, latent.height) };
}

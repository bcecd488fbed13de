import type { Raster, Samples } from '../../raster/raster.ts';
import { clearMasked, countOpaque, isOpaque } from '../../raster/mask.ts';
import { createSamples } from '../../raster/raster.ts';
import type { MosaicShape, PixelSelection } from '../pixel-selection.ts';
import { assertFits } from './fits.ts';

const OPAQUE = 255;

/** Shorter spans are copied sample by sample, which is faster than making a view of them. */
const MIN_COPY = 32;

/**
 * The first valid pixel wins: scenes lie on each other like sheets of paper, the first fed on top.
 *
 * A pixel is taken whole, all bands from one scene, where the mask is 255. Where it is between 0 and 255 the scene is a
 * sheet that lets light through, and what lies below it is blended in by the Porter-Duff rule "over" with unassociated
 * alpha: `a = at + ab·(1 - at)`, `value = (vt·at + vb·ab·(1 - at)) / a`, rounded half up for integers. Taking a partly
 * transparent pixel as final would draw the soft edge of every upper scene as a gap; so such a pixel stays open until
 * enough lies under it. Nodata and internal masks only know 0 and 255, so that with them nothing is ever blended.
 *
 * Done when every pixel is opaque: a count of the open ones is kept.
 *
 * @see Porter and Duff 1984, "Compositing Digital Images", section 4.3
 */
export function createFirst(shape: MosaicShape): PixelSelection {
  return new First(shape);
}

class First implements PixelSelection {
  private readonly shape: MosaicShape;
  /** Null until something is fed. */
  private pixels: { readonly bands: readonly Samples[]; readonly mask: Uint8Array } | null = null;
  private openPixels: number;
  private isEmpty = true;

  constructor(shape: MosaicShape) {
    this.shape = shape;
    this.openPixels = shape.width * shape.height;
  }

  isDone(): boolean {
    return this.openPixels === 0;
  }

  async nextPass(): Promise<boolean> {
    return await Promise.resolve(false);
  }

  result(): Raster | null {
    const { width, height, dtype } = this.shape;
    return this.isEmpty || this.pixels === null ? null : { width, height, dtype, ...this.pixels };
  }

  feed(raster: Raster, at: { readonly col: number; readonly row: number }): boolean {
    assertFits(this.shape, raster, at);
    if (this.isDone()) return false;
    if (this.pixels === null && raster.width === this.shape.width && raster.height === this.shape.height) {
      return this.takeWhole(raster);
    }
    let taken = false;
    for (let row = 0; row < raster.height; row++) {
      if (this.feedRow(raster, row * raster.width, (at.row + row) * this.shape.width + at.col)) taken = true;
    }
    if (taken) this.isEmpty = false;
    return taken;
  }

  /** The first raster, where it covers the whole mosaic, becomes the mosaic: without a copy, or a look at each pixel. */
  private takeWhole({ bands, mask }: Raster): boolean {
    if (isOpaque(mask)) {
      this.pixels = { bands, mask };
      this.openPixels = 0;
      this.isEmpty = false;
      return true;
    }
    // Grey that is repeated for red, green and blue is one array, until other scenes lie below it.
    const own = bands.map((band, b) => (bands.indexOf(band) < b ? band.slice() : band));
    this.pixels = { bands: own, mask };
    // What a raster holds under mask 0 has no meaning, and is 0 in a mosaic.
    const masked = clearMasked(own, mask);
    this.openPixels -= countOpaque(mask);
    this.isEmpty = masked === mask.length;
    return !this.isEmpty;
  }

  private begin(): { readonly bands: readonly Samples[]; readonly mask: Uint8Array } {
    const { width, height, bandCount, dtype } = this.shape;
    const size = width * height;
    return { bands: Array.from({ length: bandCount }, () => createSamples(dtype, size)), mask: new Uint8Array(size) };
  }

  /** Goes through one row of the raster, from sample `from` on, into the mosaic from sample `to` on. */
  private feedRow(raster: Raster, from: number, to: number): boolean {
    const { mask, bands } = (this.pixels ??= this.begin());
    let taken = false;
    const end = from + raster.width;
    for (let i = from, j = to; i < end; i++, j++) {
      const below = raster.mask[i]!;
      const top = mask[j]!;
      if (below === 0 || top === OPAQUE) continue;
      taken = true;
      if (below === OPAQUE && top === 0) {
        const length = lengthOfSheet(raster.mask, i, end, mask, j);
        copySpan(raster.bands, i, bands, j, length);
        mask.fill(OPAQUE, j, j + length);
        this.openPixels -= length;
        i += length - 1;
        j += length - 1;
        continue;
      }
      if (top === 0) {
        for (let b = 0; b < bands.length; b++) bands[b]![j] = raster.bands[b]![i]!;
        mask[j] = below;
      } else {
        this.blendUnder(bands, mask, raster, i, j);
      }
      if (mask[j] === OPAQUE) this.openPixels--;
    }
    return taken;
  }

  private blendUnder(bands: readonly Samples[], mask: Uint8Array, raster: Raster, i: number, j: number): void {
    const top = mask[j]! / OPAQUE;
    const below = (raster.mask[i]! / OPAQUE) * (1 - top);
    const isFloat = this.shape.dtype === 'float32' || this.shape.dtype === 'float64';
    for (let b = 0; b < bands.length; b++) {
      const band = bands[b]!;
      const value = (band[j]! * top + raster.bands[b]![i]! * below) / (top + below);
      band[j] = isFloat ? value : Math.floor(value + 0.5);
    }
    mask[j] = Math.floor((top + below) * OPAQUE + 0.5);
  }
}

/** How many pixels from `i` on are opaque, and have nothing on them from `j` on. */
function lengthOfSheet(below: Uint8Array, i: number, end: number, top: Uint8Array, j: number): number {
  let length = 1;
  while (i + length < end && below[i + length] === OPAQUE && top[j + length] === 0) length++;
  return length;
}

function copySpan(
  source: readonly Samples[],
  from: number,
  target: readonly Samples[],
  to: number,
  length: number,
): void {
  for (let b = 0; b < target.length; b++) {
    const [given, band] = [source[b]!, target[b]!];
    if (length >= MIN_COPY) band.set(given.subarray(from, from + length), to);
    else for (let n = 0; n < length; n++) band[to + n] = given[from + n]!;
  }
}

import type { PaletteColour } from '../raster/raster.ts';
import type { BandScale } from './cog.ts';
import type { ImageLayout } from './image-layout.ts';

/** TIFF's PhotometricInterpretation of a file with a palette. */
const PALETTE = 3;

/**
 * The palette of an image, one colour for every value of its samples; null without one. TIFF keeps 16 bits a colour; what
 * they mean in 8 is told from the values, as GDAL does it: 257 for 1, by some writers 256, or the 8 bits as they are.
 * The colour of nodata is transparent.
 */
export function colormapOf(
  { colormap, photometric, samples }: Pick<ImageLayout, 'colormap' | 'photometric' | 'samples'>,
  nodata: number | null,
): readonly PaletteColour[] | null {
  if (colormap === null || photometric !== PALETTE || samples !== 1) return null;
  const count = Math.floor(colormap.length / 3);
  const parts = Array.from(colormap);
  const divisor = parts.every((part) => part < 256) ? 1 : [257, 256].find((n) => parts.every((part) => part % n === 0));
  const part = (n: number): number => Math.min(255, Math.floor((parts[n] ?? 0) / (divisor ?? 257)));
  return Array.from({ length: count }, (_, n): PaletteColour => {
    return [part(n), part(count + n), part(2 * count + n), n === nodata ? 0 : 255];
  });
}

/** No `<` in the attributes, so that a damaged text is gone through once. */
const ITEM = /<Item\b([^<>]*)>([^<]*)<\/Item>/gu;

/**
 * What the samples of each band mean, from the XML of GDAL's metadata tag.
 *
 * @param samples - the positions of the bands among the file's samples, from 0
 */
export function bandScalesOf(metadata: string | null, samples: readonly number[]): readonly BandScale[] {
  const found = new Map<string, number>();
  for (const [, attributes = '', text = ''] of (metadata ?? '').matchAll(ITEM)) {
    const role = attribute(attributes, 'role');
    const value = Number(text);
    if ((role === 'scale' || role === 'offset') && text.trim() !== '' && Number.isFinite(value)) {
      found.set(`${role} ${attribute(attributes, 'sample')}`, value);
    }
  }
  return samples.map((sample) => ({
    scale: found.get(`scale ${sample}`) ?? 1,
    offset: found.get(`offset ${sample}`) ?? 0,
  }));
}

function attribute(attributes: string, name: string): string | null {
  return new RegExp(`\\b${name}="([^"]*)"`, 'u').exec(attributes)?.[1] ?? null;
}

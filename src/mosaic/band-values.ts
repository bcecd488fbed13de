import type { BandScale, Cog } from '../cog/cog.ts';
import { TilerError } from '../errors.ts';
import { createSamples, isIntegerDtype } from '../raster/raster.ts';
import type { Dtype, Raster } from '../raster/raster.ts';
import type { ItemBand } from '../stac/item-bands.ts';
import type { AssetRef, Scene } from './scene.ts';

/**
 * Whether samples become physical values, sample × scale + offset: not (`none`), by what the file's tags say (`file`), or
 * by what the item says of its bands and, where it says nothing, by the file's tags (`item`).
 */
export type Unscale = 'none' | 'file' | 'item';

/** How the samples of one asset become values. */
export interface BandValues {
  /** Of the bands that are read, in their order; null = samples stay as they are. */
  readonly scales: readonly BandScale[] | null;
  /** Of the values. */
  readonly dtype: Dtype;
  /** The item's nodata, which takes the place of what the file says; null = the file decides. */
  readonly itemNodata: number | null;
}

interface AssetOfScene {
  readonly scene: Scene;
  readonly ref: AssetRef;
  readonly cog: Cog;
  /** 1-based. */
  readonly bands: readonly number[];
}

/**
 * What the request makes of the samples of an asset. Unscaled values are float32, or float64 where that would lose
 * digits of the samples; so they are for every asset, also one without scale and offset. Indices into a palette are
 * never scaled.
 *
 * @throws TilerError `STAC_RESPONSE_INVALID` if what the item says of its bands is asked for and broken, or is about
 * another number of bands than the file has; `ASSET_UNSUPPORTED` if the bands have different values for no data
 */
export function bandValuesOf(
  asset: AssetOfScene,
  { unscale, nodata }: { readonly unscale: Unscale; readonly nodata: number | 'item' | null },
): BandValues {
  const { cog, bands } = asset;
  const isScaled = unscale !== 'none' && cog.colormap === null;
  const items = (isScaled && unscale === 'item') || nodata === 'item' ? itemBandsOf(asset) : null;
  const scales = bands.map((band) => {
    const stated = unscale === 'item' ? items?.[band - 1] : undefined;
    const own = cog.bandScales[band - 1] ?? { scale: 1, offset: 0 };
    if (stated === undefined || (stated.scale === null && stated.offset === null)) return own;
    return { scale: stated.scale ?? 1, offset: stated.offset ?? 0 };
  });
  return {
    scales: isScaled ? scales : null,
    dtype: isScaled ? unscaledDtype(cog.dtype) : cog.dtype,
    itemNodata: nodata === 'item' && items !== null ? nodataOf(asset, items) : null,
  };
}

/**
 * Pixels with their samples as values, of which those under mask 0 are 0. Resampling before this is the same as after
 * it, as all kernels take weighted means or order; only what rounding whole numbers does is done to the samples.
 */
export function unscale(raster: Raster, { scales, dtype }: Pick<BandValues, 'scales' | 'dtype'>): Raster {
  if (scales === null) return raster;
  const { mask } = raster;
  const bands = raster.bands.map((samples, b) => {
    const { scale, offset } = scales[b]!;
    const values = createSamples(dtype, samples.length);
    for (let i = 0; i < samples.length; i++) if (mask[i]! !== 0) values[i] = samples[i]! * scale + offset;
    return values;
  });
  return { ...raster, dtype, bands };
}

/** float32 holds whole numbers of up to 24 bits. */
function unscaledDtype(dtype: Dtype): Dtype {
  return dtype === 'int32' || dtype === 'uint32' || dtype === 'float64' ? 'float64' : 'float32';
}

function itemBandsOf({ scene, ref, cog }: AssetOfScene): readonly ItemBand[] | null {
  const stated = ref.bands;
  if (stated === undefined) return null;
  if (stated.kind === 'unreadable') throw invalid(scene, ref, stated.problem);
  if (stated.kind === 'all') return Array.from({ length: cog.bandCount }, () => stated.band);
  // The last one listed may be the alpha band, which is no band here.
  const isWithAlpha = cog.masking === 'alpha' && stated.bands.length === cog.bandCount + 1;
  if (stated.bands.length === cog.bandCount || isWithAlpha) return stated.bands;
  throw invalid(scene, ref, `it lists ${stated.bands.length} bands, and the file has ${cog.bandCount}`);
}

function nodataOf({ scene, ref, cog, bands }: AssetOfScene, items: readonly ItemBand[]): number | null {
  const stated = bands.map((band) => items[band - 1]?.nodata ?? null);
  const [first = null] = stated;
  if (stated.every((value) => Object.is(value, first))) return first === null ? null : possible(first, cog.dtype);
  throw new TilerError(
    'ASSET_UNSUPPORTED',
    `Reading asset ${ref.key} of item ${scene.itemId}: its bands have different nodata in the item, ` +
      `${stated.join(', ').slice(0, 80)}; expected one, or a number as "nodata" in the request`,
    { context: { itemId: scene.itemId, assetKey: ref.key } },
  );
}

/** A value in the precision of the samples; null for one that no sample can have, which then says nothing. */
function possible(value: number, dtype: Dtype): number | null {
  const sample = createSamples(dtype, 1);
  sample[0] = value;
  const kept = sample[0];
  return isIntegerDtype(dtype) && kept !== value ? null : kept;
}

function invalid({ itemId }: Scene, { key }: AssetRef, found: string): TilerError {
  return new TilerError(
    'STAC_RESPONSE_INVALID',
    `Reading what item ${itemId} says of the bands of asset ${key}: ${found}`,
    { context: { itemId, assetKey: key } },
  );
}

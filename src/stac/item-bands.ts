import { isObject, ownField } from './item.ts';

type Bag = Readonly<Record<string, unknown>>;

/** What an item says of the samples of one band; null = nothing. Value = sample × scale + offset. */
export interface ItemBand {
  readonly scale: number | null;
  readonly offset: number | null;
  /** May be NaN or infinite. */
  readonly nodata: number | null;
}

/** What an item says of the bands of an asset: of each one, or the same of all; or why that is not read. */
export type ItemBands =
  | { readonly kind: 'each'; readonly bands: readonly ItemBand[] }
  | { readonly kind: 'all'; readonly band: ItemBand }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** More bands than the hyperspectral sensors have; an item is kept as long as its search. */
const MAX_BANDS = 2048;

const NODATA_WORDS: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity };

/**
 * Scale, offset and nodata of an asset's bands: `raster:bands` of the raster extension 1, or `bands` of STAC 1.1 with
 * what the asset states for all of them; null = nothing is stated.
 *
 * Where the item says that Earth Search has taken the offset of Sentinel-2's processing baseline 04.00 off the pixels
 * already (`earthsearch:boa_offset_applied`), its offsets count as 0: it goes on stating them.
 */
export function itemBands(properties: Bag, asset: Bag): ItemBands | null {
  const [old, current] = [listOf(asset, 'raster:bands'), listOf(asset, 'bands')];
  if (old.length > MAX_BANDS || current.length > MAX_BANDS) {
    return { kind: 'unreadable', problem: `it lists more than ${MAX_BANDS} bands` };
  }
  const isOffsetDone = ownField(properties, 'earthsearch:boa_offset_applied') === true;
  try {
    const bandOf = (bag: Bag, scale: string, offset: string, common: ItemBand | null): ItemBand => ({
      scale: numberOf(bag, scale, false) ?? common?.scale ?? null,
      offset: isOffsetDone ? zeroOf(ownField(bag, offset)) : (numberOf(bag, offset, true) ?? common?.offset ?? null),
      nodata: nodataOf(bag) ?? common?.nodata ?? null,
    });
    const common = bandOf(asset, 'raster:scale', 'raster:offset', null);
    const bands =
      old.length > 0
        ? old.map((bag) => bandOf(bag, 'scale', 'offset', common))
        : current.map((bag) => bandOf(bag, 'raster:scale', 'raster:offset', common));
    if (bands.some(saysSomething)) return { kind: 'each', bands };
    return saysSomething(common) ? { kind: 'all', band: common } : null;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { kind: 'unreadable', problem: error.message };
  }
}

function saysSomething({ scale, offset, nodata }: ItemBand): boolean {
  return scale !== null || offset !== null || nodata !== null;
}

function listOf(asset: Bag, name: string): readonly Bag[] {
  const list = ownField(asset, name);
  return Array.isArray(list) ? list.map((band: unknown) => (isObject(band) ? band : {})) : [];
}

function zeroOf(value: unknown): number | null {
  return value === undefined || value === null ? null : 0;
}

function numberOf(bag: Bag, name: string, mayBeZero: boolean): number | null {
  const value = ownField(bag, name);
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isFinite(value) && (mayBeZero || value !== 0)) return value;
  throw new RangeError(`its '${name}' is ${describe(value)}, expected a number${mayBeZero ? '' : ' that is not 0'}`);
}

function nodataOf(bag: Bag): number | null {
  const value = ownField(bag, 'nodata');
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'string' && Object.hasOwn(NODATA_WORDS, value)) return NODATA_WORDS[value]!;
  throw new RangeError(`its 'nodata' is ${describe(value)}, expected a number, "nan", "inf" or "-inf"`);
}

function describe(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 60) ?? 'nothing';
}

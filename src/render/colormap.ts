import type { PaletteColour, Raster, Samples } from '../raster/raster.ts';
import type { IndexedPicture, Picture } from './encode/check-picture.ts';
import type { GivenColormap } from './tile-renderer.ts';

/** Colours by value. */
export type Colormap = ReadonlyMap<number, PaletteColour>;

/** A picture by index has at most as many colours. */
const MAX_PALETTE = 256;

/** The palette of a picture in which nothing is seen. */
const NO_COLOURS: readonly PaletteColour[] = [[0, 0, 0, 0]];

/** The colormap of a request. */
export function parseColormap(given: GivenColormap): Colormap {
  return new Map(
    Object.entries(given).map(([value, [red = 0, green = 0, blue = 0, alpha = 255]]) => {
      return [Number(value), [red, green, blue, alpha]];
    }),
  );
}

/** The palette of a file as a colormap. */
export function colormapOfPalette(palette: readonly PaletteColour[]): Colormap {
  return new Map(palette.entries());
}

/** Shows the values of one band in colours: by index, or by the colours themselves where an index cannot say it. */
export type ColourRaster = (raster: Raster) => IndexedPicture | Picture;

/**
 * Makes the function that looks the values of a raster of one band up. A value without a colour, or whose colour is
 * wholly transparent, becomes mask 0. By index is a picture of at most 256 colours whose mask is all or nothing; its
 * palette are the colours that occur, in the order given, as few need fewer bits.
 */
export function createColouring(colormap: Colormap): ColourRaster {
  const visible = [...colormap].filter(([, [, , , alpha]]) => alpha > 0);
  const palette = visible.map(([, colour]) => colour);
  const encode = createCoding(visible.map(([value]) => value));
  return (raster) => {
    const [band] = raster.bands;
    if (band === undefined) throw new RangeError('Colouring a raster without bands: expected one');
    const coded = encode(band);
    if (coded.codes instanceof Uint8Array) {
      const picture = indexFours(raster, coded.codes, coded.placeOf, palette);
      if (picture !== null) return picture;
    }
    const used = usedPlaces(coded, raster.mask, palette.length);
    return used !== null && used.length <= MAX_PALETTE
      ? indexPixels(raster, coded, used, palette)
      : colourPixels(raster, coded, palette);
  };
}

/** Small whole numbers that stand for the values of pixels, and the place of each of them in a palette; -1 = none. */
interface Coded {
  readonly codes: Uint8Array | Uint16Array | Uint32Array;
  readonly placeOf: Int32Array;
}

/** Makes the function that finds values in a list. Samples of 8 and 16 bits are codes already. */
function createCoding(values: readonly number[]): (band: Samples) => Coded {
  const places = new Map(values.map((value, place) => [value, place]));
  const placesOfCodes = Int32Array.from({ length: values.length + 1 }, (_, code) => code - 1);
  const tables = new Map<number, Int32Array>();
  return (band) => {
    if (band instanceof Uint8Array || band instanceof Uint16Array) {
      const length = band instanceof Uint8Array ? 256 : 65_536;
      const placeOf = tables.get(length) ?? Int32Array.from({ length }, (_, value) => places.get(value) ?? -1);
      tables.set(length, placeOf);
      return { codes: band, placeOf };
    }
    const codes = new Uint32Array(band.length);
    for (let i = 0; i < codes.length; i++) codes[i] = (places.get(band[i]!) ?? -1) + 1;
    return { codes, placeOf: placesOfCodes };
  };
}

/**
 * The same as `indexPixels` where every value that is seen has a colour, four pixels at a time: classes lie in areas, so
 * that most fours are like the one before, or nothing. Null where something seen has no colour or is partly transparent,
 * where nothing is seen, or if the pixels do not come in fours.
 */
function indexFours(
  { width, height, mask }: Raster,
  codes: Uint8Array,
  placeOf: Int32Array,
  palette: readonly PaletteColour[],
): IndexedPicture | null {
  const fours = foursOf(codes);
  const masks = foursOf(mask);
  const isUsed = fours === null || masks === null ? null : usedCodes(fours, masks);
  if (fours === null || masks === null || isUsed === null) return null;
  const codesUsed = Array.from(isUsed.keys()).filter((code) => isUsed[code] === 1);
  if (codesUsed.length === 0 || codesUsed.some((code) => placeOf[code]! < 0)) return null;
  codesUsed.sort((a, b) => placeOf[a]! - placeOf[b]!);
  const indexOf = new Uint8Array(256);
  codesUsed.forEach((code, index) => (indexOf[code] = index));
  const indices = new Int32Array(fours.length);
  lookUpFours(fours, masks, indexOf, indices);
  const colours = codesUsed.map((code) => palette[placeOf[code]!]!);
  return { width, height, indices: new Uint8Array(indices.buffer), mask, palette: colours };
}

/** Writes the index of each code that is seen. */
function lookUpFours(fours: Int32Array, masks: Int32Array, indexOf: Uint8Array, indices: Int32Array): void {
  let known = 0;
  let found = Math.imul(indexOf[0]!, 0x01010101);
  for (let n = 0; n < fours.length; n++) {
    const shown = masks[n]!;
    if (shown === 0) continue;
    const four = fours[n]!;
    if (four !== known) {
      known = four;
      found =
        indexOf[four & 255]! |
        (indexOf[(four >>> 8) & 255]! << 8) |
        (indexOf[(four >>> 16) & 255]! << 16) |
        (indexOf[four >>> 24]! << 24);
    }
    indices[n] = found & shown;
  }
}

/** Four bytes of mask 255. */
const ALL_SHOWN = -1;

/** Bytes as whole numbers, four in each; null if they do not come in fours. */
function foursOf({ buffer, byteOffset, length }: Uint8Array): Int32Array | null {
  return byteOffset % 4 === 0 && length % 4 === 0 ? new Int32Array(buffer, byteOffset, length / 4) : null;
}

/** For each code 1 if a pixel has it that is seen; null if the mask says of a pixel that it is partly transparent. */
function usedCodes(fours: Int32Array, masks: Int32Array): Uint8Array | null {
  const isUsed = new Uint8Array(256);
  let known = -1;
  for (let n = 0; n < fours.length; n++) {
    const shown = masks[n]!;
    if (shown === 0) continue;
    const four = fours[n]!;
    if (shown === ALL_SHOWN) {
      if (known >= 0 && four === fours[known]) continue;
      known = n;
      isUsed[four & 255] = 1;
      isUsed[(four >>> 8) & 255] = 1;
      isUsed[(four >>> 16) & 255] = 1;
      isUsed[four >>> 24] = 1;
      continue;
    }
    for (let shift = 0; shift < 32; shift += 8) {
      const alpha = (shown >>> shift) & 255;
      if (alpha === 255) isUsed[(four >>> shift) & 255] = 1;
      else if (alpha !== 0) return null;
    }
  }
  return isUsed;
}

/** The places that occur, ascending; null if the mask says of a pixel that it is partly transparent. */
function usedPlaces({ codes, placeOf }: Coded, mask: Uint8Array, count: number): readonly number[] | null {
  const isUsed = new Uint8Array(placeOf.length);
  for (let i = 0; i < mask.length; i++) {
    const alpha = mask[i]!;
    if (alpha === 255) isUsed[codes[i]!] = 1;
    else if (alpha !== 0) return null;
  }
  const isPlaceUsed = new Uint8Array(count);
  for (let code = 0; code < isUsed.length; code++) {
    const place = placeOf[code]!;
    if (isUsed[code] === 1 && place >= 0) isPlaceUsed[place] = 1;
  }
  return Array.from(isPlaceUsed.keys()).filter((place) => isPlaceUsed[place] === 1);
}

function indexPixels(
  { width, height, mask }: Raster,
  { codes, placeOf }: Coded,
  used: readonly number[],
  palette: readonly PaletteColour[],
): IndexedPicture {
  const indexOfPlace = new Uint8Array(palette.length);
  used.forEach((place, index) => (indexOfPlace[place] = index));
  const indexOf = Uint8Array.from(placeOf, (place) => (place < 0 ? 0 : indexOfPlace[place]!));
  const maskOf = Uint8Array.from(placeOf, (place) => (place < 0 ? 0 : 255));
  const indices = new Uint8Array(mask.length);
  const shown = new Uint8Array(mask.length);
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    const code = codes[i]!;
    indices[i] = indexOf[code]!;
    shown[i] = maskOf[code]!;
  }
  const colours = used.length === 0 ? NO_COLOURS : used.map((place) => palette[place]!);
  return { width, height, indices, mask: shown, palette: colours };
}

function colourPixels(raster: Raster, { codes, placeOf }: Coded, palette: readonly PaletteColour[]): Picture {
  const { width, height } = raster;
  const mask = new Uint8Array(width * height);
  const bands = [0, 1, 2].map(() => new Uint8Array(width * height));
  for (let i = 0; i < mask.length; i++) {
    const place = placeOf[codes[i]!]!;
    const alpha = place < 0 ? 0 : Math.round((raster.mask[i]! * palette[place]![3]) / 255);
    if (alpha === 0) continue;
    for (let b = 0; b < 3; b++) bands[b]![i] = palette[place]![b]!;
    mask[i] = alpha;
  }
  return { width, height, dtype: 'uint8', bands, mask };
}

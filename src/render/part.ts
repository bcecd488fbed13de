import { deflateSync, inflateSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { TilerError } from '../errors.ts';
import { bytesPerSample, createRaster, viewSamples } from '../raster/raster.ts';
import type { Dtype, PaletteColour, Raster } from '../raster/raster.ts';
import { tilePath } from '../tms/tile.ts';
import type { Tile } from '../tms/tile.ts';

const MAGIC = 'TWP1';
const DIGEST_BYTES = 32;
const BODY_AT = MAGIC.length + DIGEST_BYTES;
const DTYPES: readonly Dtype[] = ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'float32', 'float64'];

/** A tile is at most this wide, and has at most so many bands. */
const MAX_SIDE = 4096;
const MAX_BANDS = 4096;

/**
 * The pixels of a tile, before style and encoding, as bytes that another process can make tiles of; null = nothing is
 * there. Lossless; the same pixels give the same bytes.
 *
 * Layout: "TWP1", SHA-256 of what follows, then zlib over [dtype, 0, bands u16, width u16, height u16, colours u16],
 * little-endian as the samples are, 4 bytes for each colour of a palette, the mask, and the bands; over nothing if the
 * tile is empty.
 */
export function encodePart(raster: Raster | null): Uint8Array {
  const body = deflateSync(raster === null ? new Uint8Array(0) : bodyOf(raster), { level: 1 });
  const digest = createHash('sha256').update(body).digest();
  return Buffer.concat([Buffer.from(MAGIC, 'latin1'), digest, body]);
}

/** 32 hex digits by which two parts are told apart; null for bytes that are no part, or not all of one. */
export function digestOfPart(bytes: Uint8Array): string | null {
  const digest = createHash('sha256').update(bytes.subarray(BODY_AT)).digest();
  const isWhole =
    Buffer.from(bytes.subarray(0, MAGIC.length)).toString('latin1') === MAGIC &&
    digest.equals(bytes.subarray(MAGIC.length, BODY_AT));
  return isWhole ? digest.toString('hex', 0, 16) : null;
}

/**
 * Reads what `encodePart` wrote.
 *
 * @throws TilerError `TILE_CHILD_FAILED` if it is anything else, or damaged
 */
export function decodePart(tile: Tile, bytes: Uint8Array): Raster | null {
  if (digestOfPart(bytes) === null) throw damaged(tile, `${bytes.length} bytes that are no part, or not all of one`);
  const raw = inflateSync(bytes.subarray(BODY_AT), { maxOutputLength: 1 << 30 });
  return raw.length === 0 ? null : rasterOf(tile, raw);
}

const HEADER_BYTES = 10;
const COLOUR_BYTES = 4;

function bodyOf({ width, height, dtype, bands, mask, palette }: Raster): Uint8Array {
  const colours = palette ?? [];
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(DTYPES.indexOf(dtype), 0);
  for (const [i, value] of [bands.length, width, height, colours.length].entries())
    header.writeUInt16LE(value, 2 + 2 * i);
  // Typed arrays are little-endian on every machine that Node runs on.
  const planes = bands.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
  return Buffer.concat([header, Uint8Array.from(colours.flat()), mask, ...planes]);
}

function rasterOf(tile: Tile, raw: Buffer): Raster {
  const dtype = DTYPES[raw[0] ?? DTYPES.length];
  const [bandCount, width, height, colourCount] = [2, 4, 6, 8].map((at) =>
    raw.length < HEADER_BYTES ? 0 : raw.readUInt16LE(at),
  ) as [number, number, number, number];
  const length = width * height;
  const start = HEADER_BYTES + colourCount * COLOUR_BYTES;
  const isSane = bandCount >= 1 && bandCount <= MAX_BANDS && Math.max(width, height) <= MAX_SIDE && length > 0;
  if (dtype === undefined || !isSane || raw.length !== start + length * (1 + bandCount * bytesPerSample(dtype))) {
    throw damaged(tile, `${raw.length} bytes for ${bandCount} bands of ${width} x ${height} pixels`);
  }
  const raster = createRaster(width, height, dtype, bandCount);
  raster.mask.set(raw.subarray(start, start + length));
  let at = start + length;
  for (const band of raster.bands) {
    // Copied, since samples must begin at a multiple of their size.
    const copy = raw.buffer.slice(raw.byteOffset + at, raw.byteOffset + at + band.byteLength);
    band.set(viewSamples(dtype, copy, 0, length));
    at += band.byteLength;
  }
  if (colourCount === 0) return raster;
  const palette = Array.from({ length: colourCount }, (_, i): PaletteColour => {
    const [red = 0, green = 0, blue = 0, alpha = 0] = raw.subarray(HEADER_BYTES + i * COLOUR_BYTES);
    return [red, green, blue, alpha];
  });
  return { ...raster, palette };
}

/** The pixels of a child that are not there or not whole. */
export function damaged(tile: Tile, found: string): TilerError {
  return new TilerError(
    'TILE_CHILD_FAILED',
    `Reading the pixels of the tile ${tilePath(tile)}, to make the tile above it: found ${found}`,
    { context: { tile: tilePath(tile) } },
  );
}

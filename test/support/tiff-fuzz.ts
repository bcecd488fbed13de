import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { BlockCache } from '../../src/cog/block-cache.ts';
import type { Cog } from '../../src/cog/cog.ts';
import { DEFAULT_COG_LIMITS } from '../../src/cog/limits.ts';
import { planRead } from '../../src/cog/plan-read.ts';
import { readPlan } from '../../src/cog/read-raster.ts';
import { openCog } from '../../src/cog/open-cog.ts';
import { isTilerError } from '../../src/errors.ts';
import { WEB_MERCATOR_HALF } from '../../src/geo/crs.ts';
import { createIoCounters } from '../../src/observe.ts';
import { createMemorySource } from './recording-source.ts';
import { writeCog, type SyntheticCog } from './synthetic-cog.ts';
import { writeTiff, type TiffField } from './tiff-writer.ts';
import { mutateTiff, seededRandom } from './tiff-mutations.ts';

/** What became of one damaged file: a code of a typed error, `pixels`, or what must not be. */
export interface FuzzOutcome {
  readonly original: string;
  /** A `TilerError`'s code, or `pixels`; null if it ended in another way. */
  readonly result: string | null;
  /** What it ended in instead: another error, or no end within the time. */
  readonly fault: string | null;
  readonly ms: number;
}

/** Longer than any case may take, on a busy machine too. */
const MAX_CASE_MS = 10_000;

const NEVER = { signal: new AbortController().signal };

const BANDS = [0, 1, 2].map((band) => Uint8Array.from({ length: 40 * 30 }, (_, i) => (i * 3 + band) % 200));
const SMALL: SyntheticCog = {
  width: 40,
  height: 30,
  bands: BANDS,
  epsg: 3857,
  transform: [1, 0, 0, 0, -1, 0],
  blockSize: 16,
  overviews: 1,
};
const FLOATS = [Float32Array.from({ length: 40 * 30 }, (_, i) => Math.sin(i))];

const SYNTHETIC: Readonly<Record<string, Partial<SyntheticCog>>> = {
  'DEFLATE with a mask': { predictor: 2, mask: BANDS[0]! },
  'DEFLATE with alpha, big-endian': { predictor: 2, alpha: BANDS[1]!, bigEndian: true },
  'LZW, big-endian BigTIFF with a mask': { compression: 'lzw', bigEndian: true, bigTiff: true, mask: BANDS[0]! },
  'PackBits, separate': { compression: 'packbits', planar: 'separate', nodata: 3 },
  'none, strips': { compression: 'none', rowsPerStrip: 7, mask: BANDS[0]! },
  'float predictor, PixelIsPoint': { bands: FLOATS, predictor: 3, nodata: Number.NaN, pixelIsPoint: true },
  'sparse, rotated': { sparse: true, transform: [1, 0.5, 0, 0.5, -1, 0], bands: [new Uint8Array(1200), ...BANDS] },
};

/** 16 × 16 bytes that seven control points place. */
function controlPoints(): Uint8Array {
  const points = [0, 16, 4, 12, 9, 1, 14].map((col, n) => [
    col,
    (n * 7) % 16,
    0,
    2 * col + n * 0.1,
    -((n * 7) % 16),
    0,
  ]);
  const fields: readonly TiffField[] = [
    ...[256, 257, 322, 323].map((tag): TiffField => ({ tag, type: 'long', values: [16] })),
    { tag: 258, type: 'short', values: [8] },
    { tag: 33922, type: 'double', values: points.flat() },
    { tag: 34735, type: 'short', values: [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 3857] },
  ];
  return writeTiff([{ fields, blocks: [new Uint8Array(256).fill(9)], tiled: true }], {
    bigEndian: false,
    bigTiff: false,
  });
}

/**
 * Undamaged files, by name: synthetic ones of the layouts that have masks, overviews and unusual places, and those that
 * GDAL wrote in every codec, sample type and bit depth for the conformance suite.
 */
export function fuzzOriginals(): ReadonlyMap<string, Uint8Array> {
  const originals = new Map<string, Uint8Array>();
  for (const [name, layout] of Object.entries(SYNTHETIC)) originals.set(name, writeCog({ ...SMALL, ...layout }));
  originals.set('control points', controlPoints());
  const document = readFileSync(new URL('../conformance/cog-read.fixtures.json', import.meta.url), 'utf8');
  const { files } = JSON.parse(document) as { readonly files: Readonly<Record<string, { readonly tiff: string }>> };
  for (const [name, { tiff }] of Object.entries(files)) {
    originals.set(`GDAL: ${name}`, new Uint8Array(gunzipSync(Buffer.from(tiff, 'base64'))));
  }
  return originals;
}

/** Opens, plans and reads the `n`-th damaged file of a seed. The same numbers give the same file. */
export async function fuzzCase(
  originals: ReadonlyMap<string, Uint8Array>,
  seed: number,
  n: number,
): Promise<FuzzOutcome> {
  const [original, bytes] = [...originals][n % originals.size]!;
  const damaged = mutateTiff(bytes, seededRandom(Math.imul(seed, 1_000_003) + n));
  const started = performance.now();
  const { result, fault } = await within(MAX_CASE_MS, readDamaged(damaged));
  return { original, result, fault, ms: performance.now() - started };
}

type Ending = Pick<FuzzOutcome, 'result' | 'fault'>;

async function within(limitMs: number, work: Promise<Ending>): Promise<Ending> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Ending>((resolve) => {
    timer = setTimeout(() => resolve({ result: null, fault: `no end within ${limitMs} ms` }), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** How the reading of a file ends. */
export async function readDamaged(bytes: Uint8Array): Promise<Ending> {
  try {
    await readPixels(bytes);
    return { result: 'pixels', fault: null };
  } catch (error) {
    if (isTilerError(error)) return { result: error.code, fault: null };
    return { result: null, fault: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** Reads a file as a tile does, on the tile that is the world and on one at the origin, and by windows. */
async function readPixels(bytes: Uint8Array): Promise<void> {
  const cache = new BlockCache(32 * 1024 * 1024);
  const limits = { ...DEFAULT_COG_LIMITS, maxWindowSamples: 4 * 1024 * 1024 };
  const options = { cache, limits, counters: createIoCounters(), ...NEVER };
  await using cog = await openCog(createMemorySource({ bytes }), options);
  await readCorners(cog);
  for (const half of [WEB_MERCATOR_HALF, 20]) {
    const grid = { bounds: [-half, -half, half, half] as const, width: 32, height: 32 };
    const plan = planRead(cog, grid, 'nearest');
    if (plan !== null) await readPlan(cog, plan, { bands: [1], nodata: null, ...NEVER });
  }
}

/** Reads the first and the last pixels of some levels, in up to four bands. */
async function readCorners(cog: Cog): Promise<void> {
  const bands = Array.from({ length: Math.min(cog.bandCount, 4) }, (_, b) => b + 1);
  for (const [level, size] of cog.levels.slice(0, 3).entries()) {
    const width = Math.min(size.width, 48);
    const height = Math.min(size.height, 48);
    const windows = [
      { col: 0, row: 0, width, height },
      { col: size.width - width, row: size.height - height, width, height },
    ];
    for (const window of windows) {
      const raster = await cog.readWindow({ level, window, bands, nodata: null }, NEVER);
      const isWhole = raster.mask.length === width * height && raster.bands.every((b) => b.length === width * height);
      if (raster.bands.length !== bands.length || !isWhole) throw new Error('the raster is not of the window’s shape');
    }
  }
}

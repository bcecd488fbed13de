import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { parseConfig } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';
import { createIoCounters } from '../../src/observe.ts';
import { openTileStore } from '../../src/store/open-store.ts';
import type { TilesetVersion } from '../../src/store/versions.ts';
import { tileIdFromTile } from '../../src/tms/tile-id.ts';
import type { Tile } from '../../src/tms/tile.ts';

export const RED = [200, 30, 30] as const;
export const GREEN = [30, 160, 60] as const;
export const BLUE = [40, 60, 200] as const;
export const YELLOW = [220, 200, 20] as const;

type Colour = readonly [red: number, green: number, blue: number];

export const NEVER = { signal: new AbortController().signal };

/** A tile with its bytes. */
export interface MadeTile {
  readonly tile: Tile;
  readonly bytes: Uint8Array;
}

export async function pictureOf(
  [r, g, b]: Colour,
  format: 'png' | 'jpeg' | 'webp' | 'avif' = 'png',
  size = 256,
): Promise<Buffer> {
  const image = sharp({ create: { width: size, height: size, channels: 3, background: { r, g, b } } });
  return await image.toFormat(format, format === 'png' ? {} : { lossless: true }).toBuffer();
}

/**
 * A world of zooms 1 to 3 whose quarters have colours, row by row from the north-west: null = no tiles there. Every tile has
 * bytes of its own if `isDistinct`.
 */
export async function quarters(
  colours: readonly (Colour | null)[],
  format: 'png' | 'jpeg' | 'webp' | 'avif' = 'png',
): Promise<readonly MadeTile[]> {
  const pictures = await Promise.all(colours.map(async (one) => (one === null ? null : await pictureOf(one, format))));
  const tiles: MadeTile[] = [];
  for (let z = 1; z <= 3; z++) {
    const half = 2 ** (z - 1);
    for (let y = 0; y < 2 ** z; y++) {
      for (let x = 0; x < 2 ** z; x++) {
        const bytes = pictures[(x >= half ? 1 : 0) + (y >= half ? 2 : 0)] ?? null;
        if (bytes !== null) tiles.push({ tile: { z, x, y }, bytes });
      }
    }
  }
  return tiles;
}

/** The configuration of a process with no other variables than these. */
export function configWith(env: Readonly<Record<string, string>> = {}): Config {
  return parseConfig(env);
}

/** Publishes tiles as a version of an archive, in a folder or in S3, as the runs of both engines do. */
export async function publishTiles(
  output: string,
  tiles: readonly MadeTile[],
  generation: number,
  { extension = 'png', forcePathStyle = false, keepVersions = 3, requestHash = 'ab'.repeat(32) } = {},
): Promise<TilesetVersion> {
  const contentType = `image/${extension === 'jpg' ? 'jpeg' : extension}`;
  const counters = createIoCounters();
  await using store = await openTileStore(output, { extension, contentType, forcePathStyle, counters }, NEVER);
  const sink = store.openMetatile(0);
  const records = tiles.map(({ tile, bytes }) => {
    const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
    return { tileId: tileIdFromTile(tile), length: bytes.length, digest };
  });
  for (const { tile, bytes } of tiles) await sink.put(tile, bytes, NEVER);
  const record = {
    index: 0,
    inputs: { signature: '0'.repeat(32), scenes: [], children: [] },
    tiles: records.sort((a, b) => a.tileId - b.tileId),
    empty: [],
    failed: [],
  };
  await sink.commit(record, NEVER);
  const version = await store.assemble(
    {
      generation,
      requestHash,
      indices: () => [0],
      baseline: null,
      isSamePlan: true,
      keepVersions,
      bbox: [-180, -85, 180, 85],
      metadata: {
        name: 'Four quarters',
        attribution: 'made for a test',
        type: 'overlay',
        tileSize: 256,
        format: extension,
        provenance: { software: 'tilewright' },
      },
    },
    NEVER,
  );
  await store.deleteStaged({ ...NEVER, keepParts: false });
  return version;
}

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { argv } from 'node:process';
import { createIoCounters } from '../../src/observe.ts';
import { openTileStore } from '../../src/store/open-store.ts';
import type { FinishedTiles, TileStore } from '../../src/store/tile-store.ts';
import { tileIdFromTile } from '../../src/tms/tile-id.ts';

const NEVER = { signal: new AbortController().signal };

/** Tiles in a row of a metatile. */
const SIDE = 64;
const ZOOM = 10;

/** Metatiles of the tileset: 4,096 tiles each. */
export function metatilesOf(tiles: number): number {
  return Math.ceil(tiles / SIDE ** 2);
}

export async function openOutput(output: string): Promise<TileStore> {
  const options = { extension: 'png', contentType: 'image/png', counters: createIoCounters() };
  return await openTileStore(output, { ...options, forcePathStyle: true }, NEVER);
}

/**
 * Stages metatiles as workers do. Tiles have 4,100 to 4,600 bytes, so that the store copies them; in every tenth metatile
 * half of them are one small tile, as the sea is.
 */
export async function stageTiles(store: TileStore, tiles: number): Promise<void> {
  const sea = Buffer.alloc(180, 7);
  const inputs = { signature: '0'.repeat(32), scenes: [], children: [] };
  for (let index = 0; index < metatilesOf(tiles); index++) {
    const sink = store.openMetatile(index);
    const records = [];
    const [left, top] = [(index % (1024 / SIDE)) * SIDE, Math.floor(index / (1024 / SIDE)) * SIDE];
    for (let n = 0; n < Math.min(SIDE ** 2, tiles - index * SIDE ** 2); n++) {
      const tile = { z: ZOOM, x: left + (n % SIDE), y: top + Math.floor(n / SIDE) };
      const tileId = tileIdFromTile(tile);
      const isSea = index % 10 === 0 && n % SIDE < SIDE / 2;
      const bytes = isSea ? sea : Buffer.alloc(4_100 + (tileId % 500), `${tileId} `);
      await sink.put(tile, bytes, NEVER);
      const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
      records.push({ tileId, length: bytes.length, digest });
    }
    records.sort((a, b) => a.tileId - b.tileId);
    await sink.commit({ index, inputs, tiles: records, empty: [], failed: [] }, NEVER);
  }
}

/** As whoever ends a run does. */
function finishedTiles(tiles: number): FinishedTiles {
  return {
    generation: 1,
    requestHash: '0'.repeat(64),
    indices: () => Array.from({ length: metatilesOf(tiles) }, (_, index) => index),
    baseline: null,
    isSamePlan: true,
    keepVersions: 1,
    bbox: [-180, -85, 180, 85],
    metadata: { name: 'assemble-s3', type: 'baselayer', tileSize: 256, format: 'png', provenance: {} },
  };
}

// As a process of its own: OUTPUT TILES. Tells seconds and its peak memory.
const [, script = '', output = '', tiles = '0'] = argv;
if (/assemble-s3-job\.[jt]s$/.test(script)) {
  await using store = await openOutput(output);
  const startedAt = performance.now();
  const { bytes } = await store.assemble(finishedTiles(Number(tiles)), NEVER);
  const seconds = (performance.now() - startedAt) / 1000;
  const status = await readFile('/proc/self/status', 'utf8');
  const peakMebibytes = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
  process.stdout.write(JSON.stringify({ seconds, peakMebibytes, bytes }));
}

import { readFile } from 'node:fs/promises';
import { argv } from 'node:process';
import { digestOf } from '../../src/digest.ts';
import { createIoCounters } from '../../src/observe.ts';
import { openTileStore } from '../../src/store/open-store.ts';
import type { FinishedTiles, TileStore } from '../../src/store/tile-store.ts';
import { currentVersion } from '../../src/store/version-document.ts';
import { tileIdFromTile } from '../../src/tms/tile-id.ts';

const NEVER = { signal: new AbortController().signal };

const ZOOM = 10;

/** A tileset of one zoom, in metatiles row by row. */
export interface MadeTileset {
  readonly output: string;
  readonly tiles: number;
  /** Tiles in a row of a metatile. */
  readonly side: number;
  readonly generation: number;
  /** Of the least of them, above 4,096, so that the store copies them. Default 4,100. */
  readonly tileBytes?: number;
}

export function metatilesOf({ tiles, side }: Pick<MadeTileset, 'tiles' | 'side'>): number {
  return Math.ceil(tiles / side ** 2);
}

export async function openOutput(output: string): Promise<TileStore> {
  const options = { extension: 'png', contentType: 'image/png', counters: createIoCounters() };
  return await openTileStore(output, { ...options, forcePathStyle: true }, NEVER);
}

/**
 * Stages metatiles as workers do. Tiles have `tileBytes` to 500 more; in every tenth metatile half of them are one small
 * tile, as the sea is. Tiles of another generation are others.
 */
export async function stageTiles(
  store: TileStore,
  made: Omit<MadeTileset, 'output'>,
  indices: Iterable<number>,
): Promise<void> {
  const sea = Buffer.alloc(180, 7);
  const inputs = { signature: '0'.repeat(32), scenes: [], children: [] };
  const { tiles, side, generation, tileBytes = 4_100 } = made;
  const across = 2 ** ZOOM / side;
  for (const index of indices) {
    const sink = store.openMetatile(index);
    const records = [];
    const [left, top] = [(index % across) * side, Math.floor(index / across) * side];
    for (let n = 0; n < Math.min(side ** 2, tiles - index * side ** 2); n++) {
      const tile = { z: ZOOM, x: left + (n % side), y: top + Math.floor(n / side) };
      const tileId = tileIdFromTile(tile);
      const isSea = index % 10 === 0 && n % side < side / 2;
      const bytes = isSea ? sea : Buffer.alloc(tileBytes + (tileId % 500), `${tileId} of ${generation} `);
      await sink.put(tile, bytes, NEVER);
      records.push({ tileId, length: bytes.length, digest: digestOf(bytes) });
    }
    records.sort((a, b) => a.tileId - b.tileId);
    await sink.commit({ index, inputs, tiles: records, empty: [], failed: [] }, NEVER);
  }
}

/** As whoever ends a run does: the first, or an update of what there is. */
async function finishedTiles(store: TileStore, made: MadeTileset): Promise<FinishedTiles> {
  const document = await store.versions(NEVER);
  return {
    generation: made.generation,
    requestHash: '0'.repeat(64),
    indices: () => Array.from({ length: metatilesOf(made) }, (_, index) => index),
    baseline: document === null ? null : currentVersion(document),
    isSamePlan: true,
    keepVersions: 2,
    bbox: [-180, -85, 180, 85],
    metadata: { name: 'assemble-s3', type: 'baselayer', tileSize: 256, format: 'png', provenance: {} },
  };
}

// As a process of its own: what it assembles, as JSON. Tells seconds and its peak memory.
const [, script = '', text = ''] = argv;
if (/assemble-s3-job\.[jt]s$/.test(script)) {
  const made = JSON.parse(text) as MadeTileset;
  await using store = await openOutput(made.output);
  const finished = await finishedTiles(store, made);
  const startedAt = performance.now();
  const { bytes } = await store.assemble(finished, NEVER);
  const seconds = (performance.now() - startedAt) / 1000;
  const status = await readFile('/proc/self/status', 'utf8');
  const peakMebibytes = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
  process.stdout.write(JSON.stringify({ seconds, peakMebibytes, bytes }));
}

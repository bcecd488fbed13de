import sharp from 'sharp';
import { digestOf } from '../../src/digest.ts';
import { createPlan } from '../../jobs/plan-jobs.ts';
import { ArchiveStore } from '../../src/store/archive-store.ts';
import type { ObjectStore } from '../../src/store/object-store.ts';
import type { MetatileRecord } from '../../src/store/records/metatile-record.ts';
import type { TilesetVersion } from '../../src/store/versions.ts';
import { TileObjects } from '../../src/store/tile-objects.ts';
import type { TileStore } from '../../src/store/tile-store.ts';
import type { PlannedMetatile } from '../../src/store/verify/verify-records.ts';
import { allTilesOf } from '../../src/tms/metatile.ts';
import { tileFromTileId, tileIdFromTile } from '../../src/tms/tile-id.ts';
import { archiveOf, DESCRIPTION } from './memory-archive.ts';

const NEVER = { signal: new AbortController().signal };

/** What is put for a tile; null = empty. */
export type Content = (tileId: number) => Buffer | null;

export interface RecordedOptions {
  readonly form: 'folder' | 'archive';
  readonly contentOf: Content;
  /** What the records say that was put; default what was. */
  readonly recordedOf?: Content;
  readonly generation?: number;
  readonly requestHash?: string;
  readonly minzoom?: number;
  readonly maxzoom?: number;
  readonly metatileSize?: 1 | 2 | 4;
  /** Changes what is recorded, but not what is put. */
  readonly record?: (record: MetatileRecord) => MetatileRecord;
}

/** The east of the world, so that there are tiles beside it. */
const BBOX = [0, -85, 180, 85] as const;

/** The plan of a tileset that is made here. */
export function planOf({ minzoom = 1, maxzoom = 3, metatileSize = 2 }: Partial<RecordedOptions>): PlannedMetatile[] {
  const plan = createPlan({ area: { bbox: [...BBOX] }, minzoom, maxzoom, metatileSize });
  return [...plan.works()].map((work) => ({ index: work.index, tileIds: allTilesOf(work).map(tileIdFromTile) }));
}

/** A picture of one colour for each tile ID, but every third one, which is empty. */
export async function createPictures(): Promise<Content> {
  const pictures = await Promise.all(
    Array.from({ length: 16 }, (_, n) =>
      sharp({ create: { width: 256, height: 256, channels: 3, background: { r: n * 15, g: 99, b: 200 - n } } })
        .png()
        .toBuffer(),
    ),
  );
  return (tileId) => (tileId % 3 === 0 ? null : pictures[tileId % 16]!);
}

/** Opens the store of a tileset in a store of objects. */
export function recordedStore(objects: ObjectStore, form: RecordedOptions['form']): TileStore {
  return form === 'archive'
    ? new ArchiveStore(objects, { path: 'world.pmtiles', extension: 'png' })
    : new TileObjects(objects, { extension: 'png', contentType: 'image/png' });
}

/** Makes a version of a tileset with records, as a run does. */
export async function makeVersion(objects: ObjectStore, options: RecordedOptions): Promise<TilesetVersion> {
  const { form, contentOf, recordedOf = contentOf, generation = 1, requestHash = 'hash' } = options;
  const change = options.record ?? ((record) => record);
  const store = recordedStore(objects, form);
  const plan = planOf(options);
  for (const { index, tileIds } of plan) {
    const sorted = [...tileIds].sort((a, b) => a - b);
    const tiles = sorted.flatMap((tileId) => {
      const bytes = recordedOf(tileId);
      return bytes === null ? [] : [{ tileId, length: bytes.length, digest: digestOf(bytes) }];
    });
    const empty = sorted.filter((tileId) => recordedOf(tileId) === null);
    const inputs = { signature: digestOf(String(index)), scenes: [], children: [] };
    const record = change({ index, inputs, tiles, empty, failed: [] });
    const sink = store.openMetatile(index);
    // A store makes no archive of other tiles than are recorded, so that faults are put in afterwards.
    for (const { tileId } of record.tiles) await sink.put(tileFromTileId(tileId), recordedOf(tileId)!, NEVER);
    await sink.commit(record, NEVER);
  }
  const version = await store.assemble(
    {
      generation,
      requestHash,
      indices: () => plan.map(({ index }) => index),
      baseline: null,
      isSamePlan: true,
      keepVersions: 3,
      bbox: BBOX,
      metadata: DESCRIPTION.metadata,
    },
    NEVER,
  );
  await store.deleteStaged({ ...NEVER, keepParts: false });
  const put = plan.flatMap(({ tileIds }) => tileIds.map((tileId) => ({ tileId, bytes: contentOf(tileId) })));
  if (form === 'folder') return await putInFolder(objects, put, version);
  return recordedOf === contentOf && options.record === undefined ? version : await putInArchive(objects, put, version);
}

interface Put {
  readonly tileId: number;
  readonly bytes: Buffer | null;
}

async function putInFolder(
  objects: ObjectStore,
  put: readonly Put[],
  version: TilesetVersion,
): Promise<TilesetVersion> {
  for (const { tileId, bytes } of put) {
    const { z, x, y } = tileFromTileId(tileId);
    if (bytes === null) await objects.delete(`${z}/${x}/${y}.png`, NEVER);
    else await objects.put(`${z}/${x}/${y}.png`, bytes, { ...NEVER, contentType: 'image/png' });
  }
  return version;
}

async function putInArchive(
  objects: ObjectStore,
  put: readonly Put[],
  version: TilesetVersion,
): Promise<TilesetVersion> {
  const tiles = put.flatMap(({ tileId, bytes }) => (bytes === null ? [] : [{ tileId, bytes }]));
  const archive = await archiveOf(tiles, { ...DESCRIPTION, bbox: BBOX });
  await objects.put(version.archive ?? '', archive, { ...NEVER, contentType: '' });
  return { ...version, bytes: archive.length };
}

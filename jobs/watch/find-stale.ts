import { scenesTouching } from '../../src/mosaic/asset-filter.ts';
import { dirtyMetatiles } from '../../src/mosaic/dirty-metatiles.ts';
import { polygonBbox } from '../../src/geo/polygon.ts';
import type { Scene } from '../../src/mosaic/scene.ts';
import type { RecordsReader } from '../../src/store/records/records-reader.ts';
import type { MetatileRecord } from '../../src/store/records/metatile-record.ts';
import { meetsRanges, unionRanges } from '../../src/tms/index-ranges.ts';
import type { IndexRange, IndexRanges } from '../../src/tms/index-ranges.ts';
import type { Halo } from '../../src/tms/metatile.ts';
import { tileBbox } from '../../src/tms/web-mercator-quad.ts';
import type { TilesetPlan } from '../plan-jobs.ts';
import { footprintOf } from './watched-items.ts';
import type { WatchedItem, WatchedItems } from './watched-items.ts';

export interface FindStaleOptions {
  /** Of the whole tileset. */
  readonly plan: TilesetPlan;
  readonly halo: Halo;
  /** The metatiles that an update has looked at; null = all. */
  readonly ranges: IndexRanges | null;
  /** The items by which they were chosen. */
  readonly items: WatchedItems;
  /** Of the version that the update has published. */
  readonly records: RecordsReader;
  readonly signal: AbortSignal;
}

/** Pairs of an item and a metatile that are compared; beyond them only the scenes that a record names are. */
const MAX_PAIRS = 1_000_000;

/** Metatiles that an update has looked at, and that are not what they are to be. */
export interface StaleMetatiles {
  /**
   * Made of other scenes than those they were chosen by: the catalog changed while they were rendered. If it has changed
   * back by the next look, that look sees nothing, so these are looked at in any case.
   */
  readonly stale: IndexRanges;
  /** Tiles of them had to do without a scene that could not be read. */
  readonly leftOut: IndexRanges;
}

/**
 * Finds them in the records of a version.
 *
 * Cost: the records of the metatiles, and of each item the metatiles that it touches.
 */
export async function findStale(options: FindStaleOptions): Promise<StaleMetatiles> {
  const { plan, ranges, items, records, signal } = options;
  const expected = expectedScenes(options);
  const isAsExpected = ({ index, inputs }: MetatileRecord): boolean =>
    inputs.scenes.every(({ scene, version }) => items.get(scene)?.version === version) &&
    (expected === null || expected.unsure.has(index) || (expected.counts.get(index) ?? 0) === inputs.scenes.length);
  const stale: IndexRange[] = [];
  const leftOut: IndexRange[] = [];
  const judge = (record: MetatileRecord): void => {
    const { index, inputs } = record;
    if (plan.isMadeOfTiles(index)) return;
    const range = { from: index, to: index + 1 };
    if (!isAsExpected(record)) stale.push(range);
    if (inputs.scenes.some((scene) => scene.leftOut === true)) leftOut.push(range);
  };
  if (ranges === null) {
    for await (const record of records.records({ signal })) judge(record);
  } else {
    for (const { from, to } of ranges) {
      for (let index = from; index < to && !plan.isMadeOfTiles(index); index++) {
        const record = await records.recordAt(index, { signal });
        if (record !== null) judge(record);
      }
    }
  }
  return { stale: unionRanges(stale), leftOut: unionRanges(leftOut) };
}

interface Expected {
  /** How many scenes each metatile is to be offered; 0 if it is not there. */
  readonly counts: ReadonlyMap<number, number>;
  /** Metatiles near an item whose exact place is not known. */
  readonly unsure: ReadonlySet<number>;
}

/** Null if that are too many to be counted. */
function expectedScenes({ plan, halo, ranges, items }: FindStaleOptions): Expected | null {
  const counts = new Map<number, number>();
  const unsure = new Set<number>();
  let pairs = 0;
  for (const item of items.values()) {
    const scene = sceneOf(item);
    for (const { from, to } of dirtyMetatiles(plan.cover, scene.footprint, halo)) {
      if (ranges !== null && !meetsRanges(ranges, from, to)) continue;
      for (let index = from; index < to && !plan.isMadeOfTiles(index); index++) {
        if (ranges !== null && !meetsRanges(ranges, index, index + 1)) continue;
        if (++pairs > MAX_PAIRS) return null;
        if (item.isBox) unsure.add(index);
        else if (isOffered(plan, index, scene)) counts.set(index, (counts.get(index) ?? 0) + 1);
      }
    }
  }
  return { counts, unsure };
}

/** As rendering does: a scene that touches no tile of a metatile is none of its inputs. */
function isOffered(plan: TilesetPlan, index: number, scene: Scene): boolean {
  const { tiles = [] } = plan.workAt(index) ?? {};
  return tiles.some((tile) => scenesTouching([scene], tileBbox(tile)).length > 0);
}

function sceneOf(item: WatchedItem): Scene {
  const footprint = footprintOf(item);
  const bbox = footprint === null ? null : polygonBbox(footprint);
  const { id: itemId, version } = item;
  return { itemId, collection: null, datetime: null, version, footprint, bbox, assets: [] };
}

import { digestOfPart } from '../src/render/part.ts';
import type { TileRenderer } from '../src/render/tile-renderer.ts';
import type { MetatileRecord } from '../src/store/records/metatile-record.ts';
import type { TileStore } from '../src/store/tile-store.ts';
import type { MetatileWork } from '../src/tms/metatile.ts';
import type { FindBaseline } from '../jobs/find-baseline.ts';

export interface KeepOptions {
  readonly renderer: TileRenderer;
  readonly store: TileStore;
  readonly work: MetatileWork;
  readonly baseline: FindBaseline;
  readonly signal: AbortSignal;
}

/**
 * Keeps the tiles of a metatile as they are if it is certain that rendering it would give them again, and says so in the
 * store. Not certain are tiles that failed, tiles that had to do without a scene, files that cannot be looked at, and a
 * part that is not the one that went with the tiles: a run that did not end may have put another.
 *
 * @returns the record that was kept; null = the metatile is to be rendered
 * @throws TilerError those of `FindBaseline`, `MosaicBackend` and `TileStore`
 */
export async function keepMetatile(options: KeepOptions): Promise<MetatileRecord | null> {
  const { renderer, store, work, baseline, signal } = options;
  const known = await baseline(work, { signal });
  if (known === null || known.failed.length > 0) return null;
  const inputs = await renderer.unchangedInputs(work, known.inputs, { signal });
  if (inputs === null || !(await isPartKnown(options, known))) return null;
  const record = { ...known, index: work.index, inputs };
  await store.openMetatile(work.index).keep(record, { signal });
  return record;
}

/** True if what was handed on with the tiles is still there. */
async function isPartKnown({ store, work, signal }: KeepOptions, { part }: MetatileRecord): Promise<boolean> {
  if (work.handedOn === null) return true;
  const bytes = part === undefined ? null : await store.getPart(work.handedOn, { signal });
  return bytes !== null && digestOfPart(bytes) === part;
}

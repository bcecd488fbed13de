import { isTilerError } from '../../src/errors.ts';
import type { Logger } from '../../src/observe.ts';
import type { StoreCallOptions, TileStore } from '../../src/store/tile-store.ts';
import type { TilesetVersion } from '../../src/store/versions.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';
import type { UpdateOptions } from '../run-update.ts';
import type { RunUpdates, UpdateOutcome } from './update-engine.ts';

export interface RunOrBeginOptions extends StoreCallOptions {
  readonly runUpdate: RunUpdates;
  readonly store: TileStore;
  /** What an update begins with; null = there is none. */
  readonly version: TilesetVersion | null;
  readonly logger: Logger;
}

/** What a run came to. */
interface Ended {
  readonly outcome: UpdateOutcome;
  /** It was no update as it was asked for: which tiles have changed is not known. */
  readonly isAnew: boolean;
}

/** All metatiles, whose tiles are not compared with those before. */
const ALL: UpdateOptions = { only: null, changedTilesFile: null };

/**
 * Runs an update. If what it begins with is damaged, all metatiles are looked at, and those whose records are still whole
 * stay as they are; if that cannot be finished either, all is rendered anew.
 *
 * @throws those of the engine
 */
export async function runOrBeginAnew(
  request: TilesetRequest,
  update: UpdateOptions,
  options: RunOrBeginOptions,
): Promise<Ended> {
  const { runUpdate, version, logger, signal } = options;
  const isOpen = version === null || (await hasRecords(version, options));
  for (const asked of isOpen ? [update, ALL] : []) {
    try {
      const outcome = await runUpdate(request, asked, { signal });
      // No tile failed, and yet it could not be finished.
      const isStuck = outcome.state === 'failed' && outcome.failed === 0;
      if (!isStuck || version === null || (await isWhole(version, options))) return { outcome, isAnew: asked === ALL };
    } catch (error) {
      if (!isDamage(error)) throw error;
      logger.warn({ found: error.message }, 'an update of a damaged tileset cannot be finished');
    }
  }
  logger.warn({}, 'the tileset is damaged: all is rendered anew');
  return { outcome: await runUpdate(request, null, { signal }), isAnew: true };
}

async function hasRecords(version: TilesetVersion, options: RunOrBeginOptions): Promise<boolean> {
  return await unlessDamaged(async () => {
    await options.store.openRecords(version, options);
    return true;
  });
}

/** True if all records of a version can be read, and its tiles are there. Reads all records. */
async function isWhole(version: TilesetVersion, { store, signal }: RunOrBeginOptions): Promise<boolean> {
  return await unlessDamaged(async () => {
    const records = await store.openRecords(version, { signal });
    for await (const _ of records.records({ signal })) signal.throwIfAborted();
    if (version.tiles === 0) return true;
    for await (const _ of store.list({ signal })) return true;
    return false;
  });
}

async function unlessDamaged(look: () => Promise<boolean>): Promise<boolean> {
  try {
    return await look();
  } catch (error) {
    if (isDamage(error)) return false;
    throw error;
  }
}

function isDamage(error: unknown): error is Error {
  return isTilerError(error) && error.code === 'ARCHIVE_INVALID';
}

import { isAbortError, isTilerError } from '../src/errors.ts';
import type { RecordsReader } from '../src/store/records/records-reader.ts';
import type { StoreCallOptions, TileStore } from '../src/store/tile-store.ts';
import type { FindBaseline } from './find-baseline.ts';
import { createPlan } from './plan-jobs.ts';
import type { RunUpdate } from './run-update.ts';

/**
 * Finds what metatiles were made of in the version that an update begins with; it is opened when it is first asked for.
 * One that was begun in this update, or in one before it that did not end, is to be rendered again, and so is one of which
 * the record is damaged.
 */
export function createFindBaseline(
  store: Pick<TileStore, 'staged' | 'openRecords'>,
  { baseline, basePlan }: Pick<RunUpdate, 'baseline' | 'basePlan'>,
): FindBaseline {
  const planBefore = basePlan === null ? null : createPlan(basePlan);
  let opening: Promise<RecordsReader> | null = null;
  const open = async (options: StoreCallOptions): Promise<RecordsReader> => {
    const mine = (opening ??= store.openRecords(baseline, options));
    try {
      return await mine;
    } catch (error) {
      if (opening === mine) opening = null;
      // Another caller, whose call was ended, had begun to open it.
      if (isAbortError(error) && !options.signal.aborted) return await open(options);
      throw error;
    }
  };
  const find: FindBaseline = async (work, options) => {
    const staged = await store.staged(work.index, options);
    if (staged !== null && staged.kind !== 'kept') return null;
    const index = planBefore === null ? work.index : planBefore.indexOf(work.metatile);
    return index === null ? null : await (await open(options)).recordAt(index, options);
  };
  return async (work, options) => {
    try {
      return await find(work, options);
    } catch (error) {
      // It was read, and is not what was written: nothing says what the metatile was made of.
      if (isTilerError(error) && error.code === 'ARCHIVE_INVALID') return null;
      throw error;
    }
  };
}

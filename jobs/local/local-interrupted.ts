import { allTilesOf } from '../../src/tms/metatile.ts';
import { readJournalSlots, slotState } from './journal.ts';
import type { LocalPaths } from './local-files.ts';
import { readKeptRequest } from './local-request.ts';
import type { LocalStatus } from './local-status.ts';
import { createPlan } from '../plan-jobs.ts';
import { zoomOfIndex } from '../../src/tms/cover.ts';

/** A plan of more slots takes seconds to go through; the counts of the document are at most a second older. */
const MAX_COUNTED = 2_000_000;

/**
 * The status of a run whose process was killed, with the counts of its journal, which knows every metatile that is done;
 * the document is up to a second older. Failed tiles are those of the document.
 */
export async function withJournalCounts(
  status: LocalStatus,
  paths: Pick<LocalPaths, 'journal' | 'request'>,
): Promise<LocalStatus> {
  const { run, indexCount } = status;
  if (indexCount > MAX_COUNTED) return status;
  const slots = await readJournalSlots(paths.journal, { run, indexCount }, 0, indexCount);
  const kept = await readKeptRequest(paths.request);
  if (slots === null || kept === null) return status;
  const zooms = status.zooms.map((zoom) => ({ ...zoom, done: 0, failed: 0 }));
  let [rendered, tiles, done, failed, unchangedMetatiles] = [0, 0, 0, 0, 0];
  for (const work of createPlan(kept.request).works()) {
    const slot = slotState(slots[work.index] ?? 0);
    if (!slot.isDone && !slot.isFailed) continue;
    const zoom = zoomOfIndex(zooms, work.index);
    if (zoom !== undefined) zoom[slot.isDone ? 'done' : 'failed']++;
    if (slot.isDone) done++;
    else failed++;
    if (slot.isUnchanged) unchangedMetatiles++;
    rendered += slot.rendered;
    tiles += allTilesOf(work).length;
  }
  const empty = Math.max(0, tiles - rendered - status.failed);
  const counts = { rendered, empty, settledMetatiles: done + failed, failedMetatiles: failed, unchangedMetatiles };
  return { ...status, ...counts, zooms };
}

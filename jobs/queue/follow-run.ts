import { setTimeout as delay } from 'node:timers/promises';
import { isAbortError } from '../../src/errors.ts';
import { manifestLeftOut } from '../manifest.ts';
import type { Progress, RunSummary } from '../progress.ts';
import type { RunStore } from './run-store.ts';
import { unknownRun } from './producer.ts';

/** Once a second is as often as anyone looks; a run's progress is two BITCOUNTs. */
const POLL_MS = 1_000;

/** A short run should not seem to take a second, nor a long one to go on after its end. */
const SOON_POLL_MS = 200;
const SOON_POLLS = 20;
/** While all metatiles are settled and the tileset is being closed: of a short run that takes a third of a second. */
const CLOSING_POLL_MS = 50;

/**
 * Follows a run of the queue until it ends, or until `signal` is aborted: the run itself goes on. One that is paused is
 * waited for, which is said once.
 *
 * @throws TilerError `RUN_UNKNOWN`
 */
export async function followRun(
  runStore: RunStore,
  run: string,
  { progress, signal }: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<RunSummary> {
  const startedAt = performance.now();
  let isPaused = false;
  let before = 0;
  try {
    for (let polls = 0; ; polls++) {
      const found = await runStore.progress(run);
      if (found === null) throw unknownRun(run);
      const { tiles: total, rendered, empty, failed, metatiles, io, state } = found;
      progress.update({ total, rendered, empty, failed });
      const ended = state !== 'running' && state !== 'paused';
      if (state === 'paused' && !isPaused) progress.note(`the run ${run} is paused; tilewright resume ${run} goes on`);
      isPaused = state === 'paused';
      if (ended || signal.aborted) {
        const seconds = (performance.now() - startedAt) / 1000;
        const counts = { total, rendered, empty, failed, metatiles };
        const leftOut = manifestLeftOut(await runStore.leftOut(run));
        const { isUpdate = false, version = null } = (await runStore.view(run))?.details ?? {};
        const update = isUpdate ? { unchanged: found.unchangedMetatiles } : {};
        const made = version === null ? {} : { version };
        return { run, state: ended ? state : 'interrupted', ...counts, io, seconds, ...update, ...made, ...leftOut };
      }
      const settled = rendered + empty + failed;
      const isEnding = total - settled <= settled - before;
      before = settled;
      const soonMs = settled >= total ? CLOSING_POLL_MS : SOON_POLL_MS;
      await delay(polls < SOON_POLLS || isEnding ? soonMs : POLL_MS, undefined, { signal }).catch((error: unknown) => {
        // One more look, which says how far it is.
        if (!isAbortError(error)) throw error;
      });
    }
  } finally {
    progress.end();
  }
}

import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Config } from '../src/config.ts';
import { createIoCounters } from '../src/observe.ts';
import { parseStoreLocation } from '../src/store/open-store.ts';
import { CleanupStack } from './cleanup-stack.ts';
import { FirstProcess } from './first-process.ts';
import { finishTileset } from './finish-tileset.ts';
import { openJournal, removeJournal } from './journal.ts';
import type { Journal } from './journal.ts';
import { runMetatiles } from './local-run.ts';
import { manifestHead, manifestLeftOut, runId, writeManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { openOutput } from './open-output.ts';
import { prepareRun, warningsOf } from './prepare-run.ts';
import type { Progress, RunSummary } from './progress.ts';
import { runHash } from './request-hash.ts';
import { createRunTally } from './run-tally.ts';
import type { RunTally } from './run-tally.ts';
import type { TilesetRequest } from './tileset-request.ts';

export interface RenderLocalOptions {
  readonly request: TilesetRequest;
  readonly config: Config;
  readonly processes: number;
  /** Begin anew and write over what is there. */
  readonly force: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What `tilewright render` came to. `complete` = an earlier run had finished already, and nothing was rendered. */
export type RenderLocalOutcome =
  | { readonly kind: 'complete'; readonly run: string; readonly manifest: Manifest }
  | { readonly kind: 'ran'; readonly summary: RunSummary; readonly failures: RunTally['failures'] };

/**
 * Renders a request on this machine, without any server: plans, starts processes, feeds them metatiles, and keeps a
 * journal, so that a run which was stopped or killed is continued by the same command and ends with the same bytes.
 *
 * When `signal` is aborted nothing more is begun, what is under way may finish within the configured grace, and the
 * outcome is `interrupted`.
 *
 * @throws TilerError `WORKER_LOST`, those of `prepareRun`, and those of opening the pipeline
 */
export async function renderLocal(options: RenderLocalOptions): Promise<RenderLocalOutcome> {
  const { config, force, signal } = options;
  const startedAt = performance.now();
  const ownIo = createIoCounters();
  await using store = await openOutput(options.request, config, { counters: ownIo, signal });
  using first = new FirstProcess();
  const preparing = { store, config, force, ask: first.ask, counters: ownIo, signal };
  const { request, requestHash, plan, start, warnings } = await prepareRun(options.request, preparing);
  if (start.kind === 'complete') {
    return { kind: 'complete', run: runId(runHash(request), start.manifest.generation), manifest: start.manifest };
  }
  const { generation, continues, overwrite } = start;
  const run = runId(runHash(request), generation);
  const journalPath = journalPathOf(request.output, run, config.stateDir);
  const counts = plan.counts();
  const tally = createRunTally(counts.tiles);
  for (const warning of warnings) options.progress.note(warning);
  await using cleanup = new CleanupStack();
  const begin = async (): Promise<Journal> => {
    // Should this be killed between two steps, the output is found unfinished, and without a journal all is rendered.
    if (!continues) await removeJournal(journalPath);
    // Parts of a run before this one would stand for metatiles that fail in this one.
    if (!continues && overwrite) await store.deleteParts({ signal });
    const head = manifestHead(request, { requestHash, generation });
    await writeManifest(store, { ...head, state: 'rendering' }, { signal });
    const journal = cleanup.use(await openJournal(journalPath, { run, indexCount: plan.indexCount }));
    if (journal.resumed > 0) {
      options.progress.note(`continuing: ${journal.resumed} of ${counts.metatiles} metatiles are done already`);
    }
    return journal;
  };
  const interrupted = await runMetatiles({ ...options, request, plan, overwrite, begin, tally, takeFirst: first.take });
  const leftOut = tally.leftOut();
  const figures = { ...tally.state(), metatiles: counts.metatiles };
  if (!interrupted) {
    await finishTileset(store, {
      request,
      plan,
      requestHash,
      generation,
      ...figures,
      failures: tally.failures,
      leftOut,
      signal,
    });
    if (figures.failed === 0) await removeJournal(journalPath);
  }
  tally.addIo(ownIo);
  const state = interrupted ? 'interrupted' : figures.failed > 0 ? 'failed' : 'complete';
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    kind: 'ran',
    summary: { run, state, ...figures, io: tally.io, seconds, ...manifestLeftOut(leftOut), ...warningsOf(warnings) },
    failures: tally.failures,
  };
}

/** Where the journal of a run lies: beside the tiles of a folder, else in the state folder of this machine. */
function journalPathOf(output: string, run: string, stateDir: string): string {
  const location = parseStoreLocation(output);
  if (location.kind === 'folder') return join(resolve(location.path), '.tilewright', `${run}.journal`);
  const place = createHash('sha256').update(output).digest('hex').slice(0, 8);
  return join(resolve(stateDir), `${run}-${place}.journal`);
}

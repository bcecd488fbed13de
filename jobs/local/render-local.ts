import { isAbortError } from '../../src/errors.ts';
import type { TilerError } from '../../src/errors.ts';
import type { Config } from '../../src/config.ts';
import { createIoCounters } from '../../src/observe.ts';
import type { IoCounters } from '../../src/observe.ts';
import type { TileStore } from '../../src/store/tile-store.ts';
import type { TilesetVersion } from '../../src/store/versions.ts';
import { CleanupStack } from '../cleanup-stack.ts';
import { FirstProcess } from './first-process.ts';
import { finishTileset } from '../finish-tileset.ts';
import { indicesToDo, openJournal, removeJournal } from './journal.ts';
import type { Journal } from './journal.ts';
import { localPathsOf, localPlaceOf } from './local-files.ts';
import type { LocalPlace } from './local-files.ts';
import { refuseIfOwned } from './local-owner.ts';
import { LocalRecord } from './local-record.ts';
import type { RunSteering } from './local-record.ts';
import { runMetatiles } from './local-run.ts';
import type { RunEnd } from './local-run.ts';
import { manifestLeftOut, runId } from '../manifest.ts';
import type { Manifest } from '../manifest.ts';
import { addIo } from '../metatile-result.ts';
import { openOutput } from '../open-output.ts';
import { createPlan } from '../plan-jobs.ts';
import { announceRun, clearOutput, decideAgain, prepareRun, warningsOf } from '../prepare-run.ts';
import type { BeginningRun, PreparedRun } from '../prepare-run.ts';
import type { Progress, RunSummary } from '../progress.ts';
import { runHash } from '../request/request-hash.ts';
import { budgetReason } from '../run-status.ts';
import type { UpdateOptions } from '../run-update.ts';
import { spoilPart } from '../spoil-part.ts';
import { createRunTally } from './run-tally.ts';
import type { RunTally } from './run-tally.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';

export interface RenderLocalOptions {
  readonly request: TilesetRequest;
  readonly config: Config;
  readonly processes: number;
  /** Begin anew and write over what is there. */
  readonly force: boolean;
  /** Bring a finished tileset up to date. Absent or null = leave it as it is. */
  readonly update?: UpdateOptions | null;
  /** Keep what metatiles hand on for lower zooms, so that updates need not render more for its sake. Default false. */
  readonly keepParts?: boolean;
  /** Failed tiles that end the run: `100` or `1%`; null = it goes on to its end. */
  readonly maxFailures: string | null;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What `tilewright render` came to. `complete` = an earlier run had finished already, and nothing was rendered. */
export type RenderLocalOutcome =
  | { readonly kind: 'complete'; readonly run: string; readonly manifest: Manifest }
  | { readonly kind: 'ran'; readonly summary: RunSummary; readonly failures: RunTally['failures'] };

/**
 * Renders a request on this machine, without any server: plans, starts processes, feeds them metatiles, and keeps a
 * journal, so that a run which was stopped or killed is continued by the same command and ends with the same bytes. Beside
 * the journal lies what `LocalRuns` needs to show the run and to steer it.
 *
 * When `signal` is aborted nothing more is begun, what is under way may finish within the configured grace, and the
 * outcome is `interrupted`.
 *
 * @throws TilerError `WORKER_LOST`, `STORE_CONFLICT` if another process renders to the output, those of `prepareRun`, and
 * those of opening the pipeline
 */
export async function renderLocal(options: RenderLocalOptions): Promise<RenderLocalOutcome> {
  const { config, force, update = null, keepParts = false, signal } = options;
  const startedAt = performance.now();
  const ownIo = createIoCounters();
  await using store = await openOutput(options.request, config, { counters: ownIo, signal });
  const place = localPlaceOf(options.request.output, config.stateDir);
  await refuseIfOwned(place);
  using first = new FirstProcess(Math.min(options.processes, createPlan(options.request).indexCount));
  const preparing = { store, config, force, update, keepParts, ask: first.ask, counters: ownIo, signal };
  const prepared = await prepareRun(options.request, preparing);
  const { request, start } = prepared;
  if (start.kind === 'complete') {
    return { kind: 'complete', run: runId(runHash(request), start.manifest.generation), manifest: start.manifest };
  }
  await using rendering = new Rendering({ ...options, ...prepared, start, store, place, ownIo, startedAt }, first);
  return await rendering.execute();
}

interface RenderingOptions extends Omit<RenderLocalOptions, 'update'>, PreparedRun {
  readonly start: BeginningRun['start'];
  readonly store: TileStore;
  readonly place: LocalPlace;
  /** Outside work of this process itself. */
  readonly ownIo: IoCounters;
  /** By the clock of `performance`. */
  readonly startedAt: number;
}

/** One run that is to be rendered by this process: from taking its output to its summary. */
class Rendering implements AsyncDisposable {
  private readonly options: RenderingOptions;
  private readonly first: FirstProcess;
  private readonly run: string;
  private readonly tally: RunTally;
  private readonly cleanup = new CleanupStack();
  /** Null until there is something to render with. */
  private record: LocalRecord | null = null;

  constructor(options: RenderingOptions, first: FirstProcess) {
    const { request, start, plan } = options;
    this.options = options;
    this.first = first;
    this.run = runId(runHash(request), start.generation);
    this.tally = createRunTally(plan.counts().tiles, plan.zooms);
    for (const warning of options.warnings) options.progress.note(warning);
  }

  async execute(): Promise<RenderLocalOutcome> {
    const { options, tally } = this;
    try {
      if (options.start.isPublished === true) return await this.closePublished();
      const end = await runMetatiles({
        ...options,
        overwrite: options.start.overwrite,
        update: options.mode.update,
        tally,
        takeFirst: this.first.take,
        begin: (steering) => this.begin(steering),
        onState: (state) => void this.record?.setState(state),
        onProgress: () => this.record?.changed(),
        onFailed: async (index) => {
          const { store, plan, mode } = options;
          // Also while the run is stopping.
          const { signal } = new AbortController();
          if (mode.update !== null) await spoilPart(store, plan.workAt(index), { signal });
        },
      });
      return await this.close(end);
    } catch (error) {
      const reason = isAbortError(error) || !(error instanceof Error) ? null : error.message.slice(0, 2_000);
      await this.record?.end('interrupted', reason);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cleanup[Symbol.asyncDispose]();
  }

  /** Its tiles are all there, and an earlier process was killed before it could say so. */
  private async closePublished(): Promise<RenderLocalOutcome> {
    const { plan } = this.options;
    const ignore = (): void => {};
    const fail = (error: TilerError): never => {
      throw error;
    };
    const journal = await this.begin({ pause: ignore, resume: ignore, cancel: ignore, fail });
    this.tally.addEarlierLeftOut(journal.leftOut);
    // What it does not know is counted as nothing.
    for (const _ of indicesToDo(plan, journal, this.tally));
    return await this.close('done');
  }

  private async begin(steering: RunSteering): Promise<Journal> {
    const { store, request, plan, place, start, signal, progress, maxFailures, ownIo } = this.options;
    const { continues } = start;
    const { metatiles } = plan.counts();
    const { indexCount } = plan;
    const { run, tally } = this;
    const note = (text: string): void => progress.note(text);
    const onLost = (error: TilerError): void => steering.fail(error);
    this.record = this.cleanup.use(
      await LocalRecord.open({ place, run, request, metatiles, indexCount, maxFailures, tally, ownIo, note, onLost }),
    );
    // Between the decision and now another process may have begun, or finished.
    await decideAgain(store, this.options, { signal });
    const { journal: journalPath } = localPathsOf(place, run);
    // Should this be killed between two steps, the output is found unfinished, and without a journal all is rendered.
    if (!continues) await removeJournal(journalPath);
    await this.record.begin({ continues });
    if (!continues) await clearOutput(store, this.options, { signal });
    await announceRun(store, this.options, { signal });
    const journal = this.cleanup.use(await openJournal(journalPath, { run, indexCount }));
    if (journal.resumed > 0) note(`continuing: ${journal.resumed} of ${metatiles} metatiles are done already`);
    await this.record.follow(steering);
    return journal;
  }

  private async close(end: RunEnd): Promise<RenderLocalOutcome> {
    const { store, plan, place, start, mode, signal, warnings, maxFailures, ownIo, startedAt } = this.options;
    const { tally, run } = this;
    const leftOut = tally.leftOut();
    const { metatiles } = plan.counts();
    const figures = { ...tally.state(), metatiles };
    const { unchangedMetatiles: unchanged } = tally.metatiles();
    let version: TilesetVersion | null = null;
    if (end === 'done') {
      const { request, requestHash } = this.options;
      const { failures } = tally;
      const closing = { request, requestHash, mode, unchanged, failures, leftOut, signal };
      version = await finishTileset(store, { ...closing, ...figures, generation: start.generation });
      if (version !== null) await removeJournal(localPathsOf(place, run).journal);
    }
    const state = stateOf(end, figures.failed);
    const reason = end === 'budget used up' ? budgetReason(maxFailures ?? '', figures) : null;
    await this.record?.end(state, reason);
    const io = createIoCounters();
    addIo(io, tally.io);
    addIo(io, ownIo);
    const seconds = (performance.now() - startedAt) / 1000;
    const remarks = {
      ...(mode.update === null ? {} : { unchanged }),
      ...(version === null ? {} : { version: version.id }),
      ...manifestLeftOut(leftOut),
      ...warningsOf(warnings),
      ...(reason === null ? {} : { reason }),
    };
    return { kind: 'ran', summary: { run, state, ...figures, io, seconds, ...remarks }, failures: tally.failures };
  }
}

function stateOf(end: RunEnd, failed: number): RunSummary['state'] {
  if (end === 'budget used up') return 'failed';
  if (end !== 'done') return end;
  return failed > 0 ? 'failed' : 'complete';
}

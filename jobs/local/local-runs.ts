import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../src/config.ts';
import { TilerError } from '../../src/errors.ts';
import { parseStoreLocation } from '../../src/store/open-store.ts';
import type { TileFailure } from '../../src/render/tile-renderer.ts';
import { readJournalSlots, slotState } from './journal.ts';
import { cleanLocalRuns } from './local-clean.ts';
import { filesByRun, isRunId, localPathsOf, localPlaceOf } from './local-files.ts';
import type { LocalPlace } from './local-files.ts';
import { withJournalCounts } from './local-interrupted.ts';
import { findOwner } from './local-owner.ts';
import { readKeptRequest } from './local-request.ts';
import type { KeptRequest } from './local-request.ts';
import { readLocalStatus, shownStatus } from './local-status.ts';
import type { LocalStatus } from './local-status.ts';
import { sendCommand, withdrawCommand } from './run-control.ts';
import type { RunCommand } from './run-control.ts';
import type { MetatileBits, RunStatus, Runs, ShownState, TakenUp } from '../runs.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';

export interface LocalRunsOptions {
  /** Where the tiles go: a folder, a `file:` URL, or `s3://bucket/prefix` as the request has it. */
  readonly output: string;
  readonly config: Pick<Config, 'stateDir' | 's3'>;
  /** How long a process may take to do what it is told. Default 15 s. */
  readonly answerTimeoutMs?: number;
}

/** A command is looked for twice a second; what is under way when a run is cancelled has two seconds to end. */
const ANSWER_TIMEOUT_MS = 15_000;
const ANSWER_POLL_MS = 50;

interface Found {
  readonly status: LocalStatus;
  readonly state: ShownState;
}

/**
 * The runs of `tilewright render` to one output on this machine, from what their process keeps beside the journal. An
 * output remembers one run: beginning another in the same place forgets it. Reading changes nothing.
 *
 * A run whose process is dead is `interrupted`, and can be taken up again: `retry` and `resume` then answer `here`, and
 * whoever asked renders `request(run)` himself.
 *
 * @throws TilerError `STORE_CONFLICT` for documents of another kind in the place of ours, `STORE_UNAVAILABLE`; the
 * constructor `REQUEST_INVALID` if the output is none
 */
export class LocalRuns implements Runs {
  private readonly place: LocalPlace;
  private readonly config: LocalRunsOptions['config'];
  private readonly answerTimeoutMs: number;

  constructor({ output, config, answerTimeoutMs = ANSWER_TIMEOUT_MS }: LocalRunsOptions) {
    this.place = localPlaceOf(output, config.stateDir);
    this.config = config;
    this.answerTimeoutMs = answerTimeoutMs;
  }

  async list(): Promise<readonly RunStatus[]> {
    const runs = [...(await filesByRun(this.place)).keys()];
    const found = await Promise.all(runs.map((run) => this.status(run)));
    return found
      .filter((status) => status !== null)
      .sort((a, b) => (b.startedAt ?? '').localeCompare(a.startedAt ?? '') || a.run.localeCompare(b.run));
  }

  async status(run: string): Promise<RunStatus | null> {
    const found = await this.find(run);
    if (found === null) return null;
    const { status, state } = found;
    if (state !== 'interrupted') return shownStatus(status, state);
    const { journal, request } = localPathsOf(this.place, run);
    return shownStatus(await withJournalCounts(status, { journal, request }), state);
  }

  async failures(run: string): Promise<readonly TileFailure[]> {
    const { status } = await this.need(run, 'Listing the failures of');
    return [...status.failures].sort((a, b) => a.tile.z - b.tile.z || a.tile.x - b.tile.x || a.tile.y - b.tile.y);
  }

  async request(run: string): Promise<TilesetRequest | null> {
    return (await this.keptRequest(run))?.request ?? null;
  }

  async metatileBits(run: string, fromIndex: number, count: number): Promise<MetatileBits | null> {
    const found = await this.find(run);
    if (found === null) return null;
    const bytes = Math.ceil(count / 8);
    const bits = { fromIndex, done: new Uint8Array(bytes), failed: new Uint8Array(bytes) };
    const { indexCount } = found.status;
    const path = localPathsOf(this.place, run).journal;
    const slots = await readJournalSlots(path, { run, indexCount }, fromIndex, count);
    const isComplete = found.state === 'complete';
    for (let i = 0; i < Math.min(count, indexCount - fromIndex); i++) {
      const { isDone, isFailed } = slotState(slots?.[i] ?? 0);
      // A complete run needs its journal no more.
      if (isDone || isComplete) bits.done[i >> 3]! |= 0x80 >> (i & 7);
      if (isFailed) bits.failed[i >> 3]! |= 0x80 >> (i & 7);
    }
    return bits;
  }

  async pause(run: string): Promise<void> {
    const found = await this.need(run, 'Pausing', ['running']);
    await this.command(found, 'pause', 'Pausing', 'paused');
  }

  async resume(run: string): Promise<TakenUp> {
    const found = await this.need(run, 'Resuming', ['paused', 'interrupted']);
    if (found.state === 'interrupted') return await this.here(run, 'Resuming');
    await this.command(found, 'resume', 'Resuming', 'running');
    return 'continued';
  }

  async cancel(run: string): Promise<void> {
    const found = await this.need(run, 'Cancelling', ['running', 'paused']);
    await this.command(found, 'cancel', 'Cancelling', 'cancelled');
  }

  async retry(run: string): Promise<TakenUp> {
    await this.need(run, 'Retrying', ['failed', 'cancelled', 'interrupted']);
    return await this.here(run, 'Retrying');
  }

  /** Removes also what killed processes left of half-written tiles, and parts that no run needs any more. */
  async clean({ olderThanMs }: { readonly olderThanMs: number }): Promise<readonly string[]> {
    return await cleanLocalRuns(this.place, { config: this.config, olderThanMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
  }

  private async find(run: string): Promise<Found | null> {
    if (!isRunId(run)) return null;
    const status = await readLocalStatus(localPathsOf(this.place, run).status);
    if (status === null) return null;
    if (status.state !== 'running' && status.state !== 'paused') return { status, state: status.state };
    const owner = await findOwner(this.place);
    if (owner?.isAlive === true && owner.owner?.token === status.owner?.token) return { status, state: status.state };
    // It may have ended in good order between the two looks.
    const again = await readLocalStatus(localPathsOf(this.place, run).status);
    if (again !== null && again.endedAt !== null) return { status: again, state: again.state };
    return { status: again ?? status, state: 'interrupted' };
  }

  private async need(run: string, attempted: string, expected?: readonly ShownState[]): Promise<Found> {
    const found = await this.find(run);
    const attempt = `${attempted} the run ${run.slice(0, 100)}`;
    if (found === null) {
      throw new TilerError('RUN_UNKNOWN', `${attempt}: found no run of that name in ${this.place.output}`);
    }
    if (expected === undefined || expected.includes(found.state)) return found;
    throw new TilerError('REQUEST_INVALID', `${attempt}: it is ${found.state}, expected ${expected.join(' or ')}`);
  }

  private async keptRequest(run: string): Promise<KeptRequest | null> {
    if (!isRunId(run)) return null;
    const kept = await readKeptRequest(localPathsOf(this.place, run).request);
    if (kept === null || parseStoreLocation(this.place.output).kind !== 'folder') return kept;
    // The folder may have been moved: its tiles are where it is now.
    return { ...kept, request: { ...kept.request, output: this.place.output } };
  }

  /** @throws TilerError `REQUEST_INVALID` if the run cannot be rendered from what is kept of it */
  private async here(run: string, attempted: string): Promise<TakenUp> {
    const kept = await this.keptRequest(run);
    if (kept !== null && !kept.isRedacted) return 'here';
    const found =
      kept === null ? 'no request of it' : 'its request without the query of its URL, which may be a secret,';
    throw new TilerError(
      'REQUEST_INVALID',
      `${attempted} the run ${run}: found ${found} in ${this.place.folder}: render the request itself again`,
    );
  }

  /**
   * Tells a run's process something, and waits until it has done it.
   *
   * @throws TilerError `REQUEST_INVALID` if the run has ended meanwhile, `WORKER_LOST` if its process is dead or does not answer
   */
  private async command({ status }: Found, command: RunCommand, attempted: string, reached: ShownState): Promise<void> {
    const { run, owner } = status;
    if (owner === null) throw new Error(`The run ${run} has no process`);
    const path = localPathsOf(this.place, run).control;
    const id = await sendCommand(path, owner.token, command);
    const attempt = `${attempted} the run ${run}`;
    const who = `process ${owner.pid} on ${owner.host}`;
    const deadline = performance.now() + this.answerTimeoutMs;
    try {
      for (;;) {
        const now = await this.find(run);
        if (now === null || now.state === 'interrupted') {
          throw new TilerError('WORKER_LOST', `${attempt}: ${who} has ended; resume or retry takes it up again`);
        }
        if (now.state === reached && (now.status.lastCommand === id || now.status.endedAt !== null)) return;
        if (now.status.endedAt !== null) {
          throw new TilerError('REQUEST_INVALID', `${attempt}: it is ${now.state} meanwhile`);
        }
        if (performance.now() > deadline) {
          throw new TilerError('WORKER_LOST', `${attempt}: ${who} has not done so within ${this.answerTimeoutMs} ms`);
        }
        await delay(ANSWER_POLL_MS);
      }
    } finally {
      await withdrawCommand(path, id);
    }
  }
}

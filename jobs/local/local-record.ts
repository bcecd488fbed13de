import type { TilerError } from '../../src/errors.ts';
import type { IoCounters } from '../../src/observe.ts';
import type { TileFailure } from '../../src/render/tile-renderer.ts';
import { filesByRun, localPathsOf, noneIfForeign, removeFiles } from './local-files.ts';
import type { LocalPaths, LocalPlace } from './local-files.ts';
import { takeOwnership } from './local-owner.ts';
import type { OwnerLock } from './local-owner.ts';
import { keepRequest } from './local-request.ts';
import {
  MAX_MESSAGE_LENGTH,
  SAMPLES_KEPT,
  SAMPLE_INTERVAL_MS,
  STATUS_FAILURES,
  StatusWriter,
  ioOfStatus,
  readLocalStatus,
} from './local-status.ts';
import type { LocalStatus } from './local-status.ts';
import { addIo } from '../metatile-result.ts';
import { watchCommands } from './run-control.ts';
import type { RunCommand } from './run-control.ts';
import type { RunTally } from './run-tally.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';

export interface LocalRecordOptions {
  readonly place: LocalPlace;
  readonly run: string;
  readonly request: TilesetRequest;
  /** Metatiles of the plan, and the slots of its journal. */
  readonly metatiles: number;
  readonly indexCount: number;
  readonly maxFailures: string | null;
  readonly tally: RunTally;
  /** Outside work of this process itself. */
  readonly ownIo: IoCounters;
  readonly note: (text: string) => void;
  /** Another process has the output now: nothing more may be written to it. */
  readonly onLost: (error: TilerError) => void;
}

/** What can be told to the run of this process. */
export interface RunSteering extends Readonly<Record<RunCommand, () => void>> {
  /** It cannot go on. */
  fail(error: TilerError): void;
}

type KeptFailure = LocalStatus['failures'][number];
type EndState = Exclude<LocalStatus['state'], 'running' | 'paused'>;

/**
 * What the process of a local run keeps beside its journal, so that other processes can look at the run and steer it: who
 * it is, what it renders, how far it is; and where it looks for commands.
 *
 * States: owned (`open`) → begun (`begin`: nobody else's run is remembered in this output) → ended (`end`) → released
 * (disposal). A process that is killed leaves it as it is, and the next one takes it over.
 */
export class LocalRecord implements AsyncDisposable {
  private readonly options: LocalRecordOptions;
  private readonly paths: LocalPaths;
  private readonly lock: OwnerLock;
  private readonly writer: StatusWriter;
  private commands: Disposable | null = null;
  private state: LocalStatus['state'] = 'running';
  private reason: string | null = null;
  private lastCommand: string | null = null;
  private startedAt = new Date().toISOString();
  private endedAt: string | null = null;
  private earlier: LocalStatus | null = null;
  /** Tiles that this process has settled, at some times of the last minute. */
  private readonly samples: { readonly atMs: number; readonly settled: number }[] = [];
  /** The document of the run is ours to write. */
  private isBegun = false;
  private isLost = false;
  /** Failures that were said. */
  private readonly noted = new Set<string>();

  /** @throws TilerError `STORE_CONFLICT` if another process renders to the output, `STORE_FORBIDDEN` */
  static async open(options: LocalRecordOptions): Promise<LocalRecord> {
    const onLost = (error: TilerError): void => {
      record.isLost = true;
      options.onLost(error);
    };
    const record = new LocalRecord(options, await takeOwnership(options.place, options.run, onLost));
    return record;
  }

  private constructor(options: LocalRecordOptions, lock: OwnerLock) {
    this.options = options;
    this.lock = lock;
    this.paths = localPathsOf(options.place, options.run);
    this.writer = new StatusWriter(
      this.paths.status,
      () => this.snapshot(),
      (error) => this.noteOnce('the status of the run cannot be written', error),
    );
  }

  /** Forgets every other run of the output, and says that this one runs. `continues` = an earlier process has begun it. */
  async begin({ continues }: { readonly continues: boolean }): Promise<void> {
    const { place, run, request } = this.options;
    for (const [other, files] of await filesByRun(place)) if (other !== run) await removeFiles(files);
    // A document of another kind is no reason not to render: it is written anew.
    this.earlier = continues ? await readLocalStatus(this.paths.status).catch(noneIfForeign) : null;
    this.startedAt = this.earlier?.startedAt ?? this.startedAt;
    await keepRequest(this.paths.request, request);
    this.isBegun = true;
    await this.write();
  }

  /** Does what commands say from now on. */
  async follow(steering: RunSteering): Promise<void> {
    await this.write();
    const onCommand = async (command: RunCommand, id: string): Promise<void> => {
      this.lastCommand = id;
      if (this.endedAt === null) steering[command]();
      await this.write();
    };
    const onError = (error: unknown): void => this.noteOnce('commands to the run cannot be read', error);
    this.commands = watchCommands(this.paths.control, this.lock.owner.token, { onCommand, onError });
  }

  /** Counts have changed. */
  changed(): void {
    if (this.isBegun && !this.isLost) this.writer.touch();
  }

  async setState(state: 'running' | 'paused'): Promise<void> {
    this.state = state;
    // A pause is no time in which it was slow.
    this.samples.length = 0;
    await this.write();
  }

  async end(state: EndState, reason: string | null): Promise<void> {
    this.state = state;
    this.reason = reason;
    this.endedAt = new Date().toISOString();
    await this.write();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.commands?.[Symbol.dispose]();
    await this.writer.close();
    if (!this.isLost) {
      const files = (await filesByRun(this.options.place)).get(this.options.run) ?? [];
      await removeFiles(files.filter((file) => file.startsWith(this.paths.control)));
    }
    await this.lock[Symbol.asyncDispose]();
  }

  private async write(): Promise<void> {
    if (this.isBegun && !this.isLost) await this.writer.write();
  }

  private noteOnce(what: string, error: unknown): void {
    if (this.noted.has(what)) return;
    this.noted.add(what);
    this.options.note(`${what}: ${error instanceof Error ? error.message : ''}`);
  }

  private snapshot(): LocalStatus {
    const { run, request, place, metatiles, indexCount, maxFailures, tally, ownIo } = this.options;
    const { total: tiles, rendered, empty, failed } = tally.state();
    const { token, pid, host } = this.lock.owner;
    const { zooms, failuresByCode, ...counts } = tally.metatiles();
    const io = ioOfStatus({ io: { ...this.earlier?.io } });
    addIo(io, tally.io);
    addIo(io, ownIo);
    return {
      v: 1,
      run,
      name: request.name ?? null,
      output: place.output,
      state: this.state,
      reason: this.reason,
      owner: this.endedAt === null ? { token, pid, host } : null,
      lastCommand: this.lastCommand,
      startedAt: this.startedAt,
      updatedAt: new Date().toISOString(),
      endedAt: this.endedAt,
      tiles,
      rendered,
      empty,
      failed,
      metatiles,
      indexCount,
      maxFailures,
      ...counts,
      zooms: zooms.map((zoom) => ({ ...zoom })),
      failuresByCode: { ...failuresByCode },
      samples: this.samplesAt(Date.now(), rendered + empty + failed),
      failures: tally.failures.slice(0, STATUS_FAILURES).map(keptFailure),
      io: { ...io },
    };
  }

  /** Tiles of earlier processes are found on the way, and are no work of this one. */
  private samplesAt(atMs: number, settledTiles: number): LocalStatus['samples'] {
    const earlier = this.options.tally.earlierTiles();
    const last = this.samples.at(-1);
    if (last === undefined || atMs - last.atMs >= SAMPLE_INTERVAL_MS) {
      this.samples.push({ atMs, settled: settledTiles - earlier });
      if (this.samples.length > SAMPLES_KEPT) this.samples.shift();
    }
    return this.samples.map((sample) => ({ atMs: sample.atMs, settledTiles: sample.settled + earlier }));
  }
}

/** A failure as it is kept: its texts are bounded. */
function keptFailure({ tile: { z, x, y }, code, message, retryAfterMs, asset = null }: TileFailure): KeptFailure {
  const cut = (text: string): string => text.slice(0, MAX_MESSAGE_LENGTH);
  return { tile: { z, x, y }, code, message: cut(message), retryAfterMs, asset: asset === null ? null : cut(asset) };
}

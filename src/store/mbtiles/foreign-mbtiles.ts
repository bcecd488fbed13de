import { Worker } from 'node:worker_threads';
import pLimit from 'p-limit';
import { TilerError } from '../../errors.ts';
import { ownModule } from '../../load-later.ts';
import { runWithin, TimeoutReached } from '../../retry.ts';
import type { Tile } from '../../tms/tile.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import type { MbtilesMetadata } from './mbtiles-metadata.ts';
import type { MbtilesAnswer, MbtilesCalls, MbtilesThreadData } from './mbtiles-thread.ts';

export interface ForeignMbtilesOptions extends StoreCallOptions {
  /** For opening, for one tile, and for each 1,000 tiles of a listing; default 30 s. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Opens an MBTiles file of any make in a thread of its own. Its tables may be views, whose SQL is run: one that never ends,
 * or pages that lead to each other, would keep this process busy for ever, and SQLite cannot be interrupted here. A thread
 * can be ended.
 *
 * @returns null if there is no file
 * @throws TilerError as `openMbtiles`; `ARCHIVE_INVALID` also if it takes longer than the time-out
 */
export async function openForeignMbtiles(path: string, options: ForeignMbtilesOptions): Promise<ForeignMbtiles | null> {
  const thread = new MbtilesThread(path, options.timeoutMs ?? TIMEOUT_MS);
  try {
    const metadata = await thread.call('open', null, options);
    if (metadata !== null) return new ForeignMbtiles(path, metadata, thread);
  } catch (error) {
    await thread.end();
    throw error;
  }
  await thread.end();
  return null;
}

/** An MBTiles file that is open in a thread. Whatever takes longer than the time-out closes it. */
export class ForeignMbtiles implements AsyncDisposable {
  readonly label: string;
  readonly metadata: MbtilesMetadata;
  private readonly thread: MbtilesThread;
  private listings = 0;

  constructor(label: string, metadata: MbtilesMetadata, thread: MbtilesThread) {
    this.label = label;
    this.metadata = metadata;
    this.thread = thread;
  }

  get isOpen(): boolean {
    return !this.thread.isEnded;
  }

  /** A tile as it lies in the file; null if there is none. @throws TilerError `ARCHIVE_INVALID` */
  async tile({ z, x, y }: Tile, options: StoreCallOptions): Promise<Uint8Array | null> {
    return await this.thread.call('tile', { z, x, y }, options);
  }

  /** Addresses of all tiles, in no stated order. @throws TilerError `ARCHIVE_INVALID` */
  async *list(options: StoreCallOptions): AsyncGenerator<Tile> {
    const listing = this.listings++;
    let isWhole = false;
    try {
      for (;;) {
        const tiles = await this.thread.call('next', listing, options);
        isWhole = tiles.length === 0;
        if (isWhole) return;
        yield* tiles;
      }
    } finally {
      if (!isWhole && this.isOpen) await this.thread.call('leave', listing, { signal: new AbortController().signal });
    }
  }

  /** Zooms of the tiles, as the metadata say, or else as they are; null if there is no tile. @throws TilerError `ARCHIVE_INVALID` */
  async zooms(options: StoreCallOptions): Promise<MbtilesCalls['zooms']['result']> {
    return await this.thread.call('zooms', null, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.thread.end();
  }
}

/** A thread that reads one file: one call at a time. */
class MbtilesThread {
  private readonly path: string;
  private readonly timeoutMs: number;
  private readonly worker: Worker;
  private readonly oneByOne = pLimit(1);
  private readonly waiting = new Map<number, Waiting>();
  private calls = 0;
  /** What whoever calls from now on is told; null = it is alive. */
  private ended: unknown = null;

  constructor(path: string, timeoutMs: number) {
    this.path = path;
    this.timeoutMs = timeoutMs;
    this.worker = startThread({ path });
    // A file that stays open keeps no process alive; the timer of a call does.
    this.worker.unref();
    this.worker.on('message', (answer: MbtilesAnswer) => this.take(answer));
    this.worker.on('error', (error) => this.giveUp(error));
    this.worker.on('exit', () => this.giveUp(this.invalid('it is closed')));
  }

  get isEnded(): boolean {
    return this.ended !== null;
  }

  async call<K extends keyof MbtilesCalls>(
    kind: K,
    argument: MbtilesCalls[K]['argument'],
    { signal }: StoreCallOptions,
  ): Promise<MbtilesCalls[K]['result']> {
    try {
      return await this.oneByOne(
        async () => await runWithin({ signal, timeoutMs: this.timeoutMs }, () => this.ask(kind, argument)),
      );
    } catch (error) {
      if (!(error instanceof TimeoutReached)) throw error;
      const found = `its SQL or its pages kept SQLite busy for more than ${this.timeoutMs / 1000} s`;
      this.giveUp(this.invalid(found));
      await this.worker.terminate();
      throw this.ended;
    }
  }

  async end(): Promise<void> {
    this.giveUp(this.invalid('it is closed'));
    await this.worker.terminate();
  }

  private async ask<K extends keyof MbtilesCalls>(
    kind: K,
    argument: MbtilesCalls[K]['argument'],
  ): Promise<MbtilesCalls[K]['result']> {
    if (this.ended !== null) throw this.ended;
    const id = this.calls++;
    return await new Promise<MbtilesCalls[K]['result']>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
      this.worker.postMessage({ id, kind, argument }, []);
    });
  }

  private take(answer: MbtilesAnswer): void {
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if ('result' in answer) waiting?.resolve(answer.result);
    else if (answer.code !== null) waiting?.reject(new TilerError(answer.code, answer.message));
    else waiting?.reject(new Error(answer.message));
  }

  private giveUp(error: unknown): void {
    this.ended ??= error;
    for (const { reject } of this.waiting.values()) reject(this.ended);
    this.waiting.clear();
  }

  private invalid(found: string): TilerError {
    return new TilerError('ARCHIVE_INVALID', `Reading ${this.path}: ${found}`);
  }
}

function startThread(workerData: MbtilesThreadData): Worker {
  const entry = ownModule('src/store/mbtiles/mbtiles-thread');
  if (!entry.pathname.endsWith('.ts')) return new Worker(entry, { workerData });
  // What runs the source in this process, as in tests, is not handed on to its threads.
  const code = `import('tsx/esm/api').then(({ register }) => { register(); return import('${entry.href}'); })`;
  return new Worker(code, { eval: true, workerData });
}

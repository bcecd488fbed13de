import type { WorkerProcess } from './worker-process.ts';

/** A worker that dies is started again after this wait, doubled for each that did not come up, at most half a minute. */
const RESTART_MS = 500;
const MAX_RESTART_MS = 30_000;

/** Starting takes longer than a turn of the event loop, on a busy machine much longer. */
const MIN_START_MS = 60_000;

/** Above this multiple of its memory a process is not asked any more. */
const KILL_AT = 1.5;

/** A process whose memory is too large from the beginning is not replaced again and again. */
const REPLACE_EVERY_MS = 30_000;

/** Why the parent ended a worker, or that it ended by itself. */
export type WorkerEnding = 'died' | 'hung' | 'memory' | 'replaced';

export interface FleetSlotOptions {
  readonly start: () => WorkerProcess;
  readonly hangMs: number;
  readonly maxRssBytes: number;
  readonly onNote: (text: string) => void;
  readonly onEnd: (ending: WorkerEnding) => void;
}

/**
 * One place in a fleet: keeps a worker process in it until `signal` is aborted. One that dies is started again; one that
 * gives no sign of life for `hangMs` is killed; one that takes more memory than it may is replaced: first another is
 * started, then it is told to end. For that while the place has two.
 */
export class FleetSlot {
  private current: WorkerProcess | null = null;
  private successor: WorkerProcess | null = null;
  private readonly options: FleetSlotOptions;
  private readonly endings = new WeakMap<WorkerProcess, WorkerEnding>();
  private replaceInMs = 0;

  constructor(options: FleetSlotOptions) {
    this.options = options;
  }

  /** Those that live, or are about to be found dead. */
  get processes(): readonly WorkerProcess[] {
    return [this.current, this.successor].filter((worker) => worker !== null);
  }

  /** @returns true if its workers ended well; one that cannot use its configuration ends it */
  async keep(signal: AbortSignal): Promise<boolean> {
    const stop = (): void => this.processes.forEach((worker) => worker.stop());
    signal.addEventListener('abort', stop, { once: true });
    let failures = 0;
    while (!signal.aborted) {
      const worker = (this.current = this.takeSuccessor() ?? this.options.start());
      const code = await worker.exited;
      this.current = null;
      if (signal.aborted) return endedWell(worker, code) && (await this.endOfSuccessor());
      // 2 = it cannot use its configuration, which does not change.
      if (code === 2) return false;
      const ending = this.endings.get(worker) ?? 'died';
      this.options.onEnd(ending);
      if (this.successor !== null) continue;
      failures = worker.wasReady ? 1 : failures + 1;
      const waitMs = Math.min(MAX_RESTART_MS, RESTART_MS * 2 ** (failures - 1));
      this.options.onNote(`a worker ended with ${code ?? 'a signal'}; the next one starts in ${waitMs} ms`);
      await pause(waitMs, signal);
    }
    return true;
  }

  /** Looks after the processes; to be called about once a second, with the time since the last call. */
  watch(passedMs: number): void {
    this.replaceInMs -= passedMs;
    for (const worker of this.processes) this.watchOne(worker, passedMs);
  }

  private watchOne(worker: WorkerProcess, passedMs: number): void {
    const { hangMs, maxRssBytes } = this.options;
    // It was told to end, or killed.
    if (this.endings.has(worker)) return;
    worker.silentMs += passedMs;
    const allowedMs = worker.isHeard ? hangMs : Math.max(hangMs, MIN_START_MS);
    if (worker.silentMs > allowedMs) {
      this.end(worker, 'hung', `gave no sign of life for ${Math.round(worker.silentMs)} ms and is killed`);
    } else if (worker.rssBytes > KILL_AT * maxRssBytes) {
      this.end(worker, 'memory', `takes ${mebibytes(worker.rssBytes)} MiB of memory and is killed`);
    } else if (worker === this.current && worker.rssBytes > maxRssBytes) {
      this.replace(worker);
    }
  }

  private end(worker: WorkerProcess, ending: WorkerEnding, what: string): void {
    this.endings.set(worker, ending);
    this.options.onNote(`the worker process ${worker.pid} ${what}`);
    worker.kill();
  }

  private replace(worker: WorkerProcess): void {
    if (worker.state === 'stopping' || worker.state === 'starting') return;
    if (this.successor === null) {
      if (this.replaceInMs > 0) return;
      this.replaceInMs = REPLACE_EVERY_MS;
      this.options.onNote(
        `the worker process ${worker.pid} takes ${mebibytes(worker.rssBytes)} MiB of memory, allowed are ` +
          `${mebibytes(this.options.maxRssBytes)}: another one is started in its place`,
      );
      const successor = (this.successor = this.options.start());
      void this.forget(successor);
    } else if (this.successor.state === 'ready') {
      this.endings.set(worker, 'replaced');
      worker.stop();
    }
  }

  /** One that ends before it has taken the place is as if it had not been started. */
  private async forget(successor: WorkerProcess): Promise<void> {
    await successor.exited;
    if (this.successor === successor) this.successor = null;
  }

  private async endOfSuccessor(): Promise<boolean> {
    const { successor } = this;
    return successor === null || endedWell(successor, await successor.exited);
  }

  private takeSuccessor(): WorkerProcess | null {
    const { successor } = this;
    this.successor = null;
    return successor;
  }
}

/** One that was told to end before it listened to signals is ended by them, and had not begun anything. */
function endedWell({ isHeard }: WorkerProcess, code: number | null): boolean {
  return code === 0 || (code === null && !isHeard);
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 ** 2);
}

function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, waitMs);
    signal.addEventListener('abort', end, { once: true });
  });
}

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { renderingFlags, workerEntry } from '../local/fork-render-process.ts';
import type { FromWorker, LifeSign, MetricJson, ToWorker, WorkerState } from './worker-channel.ts';

/** After the grace that a worker itself keeps to. */
const KILL_AFTER_MS = 5_000;

export interface WorkerProcessOptions {
  /** Environment of the worker. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly shutdownGraceMs: number;
}

/**
 * One worker process as its parent sees it, from its start to its exit. It has a process group of its own, so that Ctrl-C
 * reaches it once, through the parent.
 */
export class WorkerProcess {
  /** Tells it from those that live at the same time. */
  readonly number: number;
  /** Its exit code; null if a signal ended it. */
  readonly exited: Promise<number | null>;
  /** How long nothing was heard of it. */
  silentMs = 0;
  /** True once it has been ready to take jobs. */
  wasReady = false;
  private life: LifeSign | null = null;
  private stopping = false;
  private readonly child: ChildProcess;
  private readonly options: WorkerProcessOptions;
  private readonly questions = new Map<number, (metrics: readonly MetricJson[]) => void>();
  private nextQuestion = 0;

  constructor(number: number, options: WorkerProcessOptions) {
    this.number = number;
    this.options = options;
    this.child = fork(workerEntry(), [], {
      detached: true,
      execArgv: renderingFlags(),
      env: options.env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.child.on('message', (message) => this.hear(message as FromWorker));
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code) => resolve(code));
      // It could not be started. The same event comes of a message that could not be sent, which its exit explains.
      this.child.on('error', () => {
        if (this.child.pid === undefined) resolve(1);
      });
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get state(): WorkerState {
    return this.stopping ? 'stopping' : (this.life?.state ?? 'starting');
  }

  get rssBytes(): number {
    return this.life?.rssBytes ?? 0;
  }

  /** True once it has given a sign of life. */
  get isHeard(): boolean {
    return this.life !== null;
  }

  /** Tells it to take no more jobs and to end; if it does not, it is killed. */
  stop(): void {
    if (this.stopping) return;
    this.stopping = true;
    this.child.kill('SIGTERM');
    const killing = setTimeout(() => this.kill(), this.options.shutdownGraceMs + KILL_AFTER_MS);
    void this.exited.then(() => clearTimeout(killing));
  }

  kill(): void {
    this.stopping = true;
    this.child.kill('SIGKILL');
  }

  /** Its metrics, or none if it does not answer in time. */
  async metrics(timeoutMs: number): Promise<readonly MetricJson[]> {
    if (!this.child.connected) return [];
    const id = this.nextQuestion++;
    const question: ToWorker = { kind: 'metrics', id };
    return await new Promise((resolve) => {
      const end = (metrics: readonly MetricJson[]): void => {
        clearTimeout(timer);
        this.questions.delete(id);
        resolve(metrics);
      };
      const timer = setTimeout(() => end([]), timeoutMs);
      this.questions.set(id, end);
      void this.exited.then(() => end([]));
      this.child.send(question, (error) => {
        if (error !== null) end([]);
      });
    });
  }

  private hear(message: FromWorker): void {
    this.silentMs = 0;
    if (message.kind === 'metrics') {
      this.questions.get(message.id)?.(message.metrics);
      return;
    }
    this.life = message;
    if (message.state === 'ready') this.wasReady = true;
  }
}

import type { ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import type { Config } from '../../src/config.ts';
import { TilerError } from '../../src/errors.ts';
import type { AskSources } from '../ask-sources.ts';
import { forkRenderProcess, sendTo } from './fork-render-process.ts';
import { addIo } from '../metatile-result.ts';
import { ProcessWatch } from './process-watch.ts';
import { ALIVE_INTERVAL_MS } from './render-channel.ts';
import type { FromRenderProcess } from './render-channel.ts';

/** A process that dies of asking, this often in a row, would always do so. */
const MAX_DEATHS = 3;

/**
 * The process of a local run that asks the sources before there is a plan, and renders afterwards: what it takes to read
 * them is loaded by those that render, and not by their parent too. The others begin to load it at the same time.
 */
export class FirstProcess implements Disposable {
  private child: ChildProcess | null = null;
  private readonly others: ChildProcess[] = [];
  private readonly processes: number;

  /** @param processes - how many will render */
  constructor(processes: number) {
    this.processes = processes;
  }

  /** @throws TilerError `WORKER_LOST` if processes die of it, and those of `askSources` */
  readonly ask: AskSources = async (request, { config, counters, signal }) => {
    let cause = '';
    for (let deaths = 0; deaths < MAX_DEATHS; deaths++) {
      signal.throwIfAborted();
      this.child = forkRenderProcess();
      sendTo(this.child, { kind: 'ask', request, config });
      while (this.others.length < this.processes - 1) this.others.push(forkRenderProcess());
      const answer = await firstAnswer(this.child, config, signal);
      switch (answer.kind) {
        case 'reach':
          addIo(counters, answer.io);
          return answer.reach;
        case 'fatal':
          throw new TilerError(answer.failure.code, answer.failure.message);
        case 'died':
          cause = answer.cause;
      }
    }
    const message = `Asking the sources: the process that does it ended ${MAX_DEATHS} times before it answered (${cause})`;
    throw new TilerError('WORKER_LOST', message);
  };

  /** Gives one of the processes away, the one that asked first; null if there is none any more that lives. */
  readonly take = (): ChildProcess | null => {
    const { child } = this;
    this.child = null;
    if (child?.connected === true) return child;
    for (;;) {
      const other = this.others.shift();
      if (other === undefined || other.connected) return other ?? null;
    }
  };

  /** Ends the processes that were not given away: they have nothing to finish. */
  [Symbol.dispose](): void {
    for (const child of [this.child, ...this.others]) child?.kill('SIGKILL');
  }
}

type Answer =
  | Extract<FromRenderProcess, { kind: 'reach' | 'fatal' }>
  | { readonly kind: 'died'; readonly cause: string };

/**
 * What a process that was told to ask answers first, besides signs of life: it has been told nothing else. One that is
 * silent for too long is killed.
 */
async function firstAnswer(child: ChildProcess, config: Config, signal: AbortSignal): Promise<Answer> {
  const answered = new AbortController();
  const until = { signal: AbortSignal.any([signal, answered.signal]) };
  const watch = new ProcessWatch<ChildProcess>(config);
  watch.started(child);
  const timer = setInterval(() => {
    if (watch.look().length > 0) child.kill('SIGKILL');
  }, ALIVE_INTERVAL_MS);
  const death = async (): Promise<Answer> => {
    const [code, killedBy] = (await once(child, 'exit', until)) as [number | null, string | null];
    return { kind: 'died', cause: killedBy ?? `exit code ${code}` };
  };
  const message = async (): Promise<Answer> => {
    for await (const [answer] of on(child, 'message', until) as AsyncIterable<[FromRenderProcess]>) {
      watch.heard(child);
      if (answer.kind === 'reach' || answer.kind === 'fatal') return answer;
    }
    throw new Error('Messages of a process ended before it did');
  };
  try {
    return await Promise.race([message(), death()]);
  } finally {
    clearInterval(timer);
    answered.abort();
  }
}

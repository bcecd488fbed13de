import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { TilerError } from '../src/errors.ts';
import type { AskSources } from './ask-sources.ts';
import { forkRenderProcess, sendTo } from './fork-render-process.ts';
import { addIo } from './metatile-result.ts';
import type { FromRenderProcess } from './render-channel.ts';

/** A process that dies of asking, this often in a row, would always do so. */
const MAX_DEATHS = 3;

/**
 * The process of a local run that asks the sources before there is a plan, and renders afterwards: what it takes to read
 * them is loaded by those that render, and not by their parent too.
 */
export class FirstProcess implements Disposable {
  private child: ChildProcess | null = null;

  /** @throws TilerError `WORKER_LOST` if processes die of it, and those of `askSources` */
  readonly ask: AskSources = async (request, { config, counters, signal }) => {
    let cause = '';
    for (let deaths = 0; deaths < MAX_DEATHS; deaths++) {
      signal.throwIfAborted();
      this.child = forkRenderProcess();
      sendTo(this.child, { kind: 'ask', request, config });
      const answer = await firstAnswer(this.child, signal);
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

  /** Gives the process away, if there is one and it lives. */
  readonly take = (): ChildProcess | null => {
    const { child } = this;
    this.child = null;
    return child?.connected === true ? child : null;
  };

  /** Ends the process unless it was given away: it has nothing to finish. */
  [Symbol.dispose](): void {
    this.child?.kill('SIGKILL');
  }
}

type Answer =
  | Extract<FromRenderProcess, { kind: 'reach' | 'fatal' }>
  | { readonly kind: 'died'; readonly cause: string };

/** What a process that was told to ask answers first: it has been told nothing else. */
async function firstAnswer(child: ChildProcess, signal: AbortSignal): Promise<Answer> {
  const answered = new AbortController();
  const until = { signal: AbortSignal.any([signal, answered.signal]) };
  const death = async (): Promise<Answer> => {
    const [code, killedBy] = (await once(child, 'exit', until)) as [number | null, string | null];
    return { kind: 'died', cause: killedBy ?? `exit code ${code}` };
  };
  const message = async (): Promise<Answer> => {
    const [answer] = (await once(child, 'message', until)) as [Answer];
    return answer;
  };
  try {
    return await Promise.race([message(), death()]);
  } finally {
    answered.abort();
  }
}

import { isAbortError, isTilerError } from '../src/errors.ts';
import { HostGate } from '../src/host-gate.ts';
import { createIoCounters, SILENT } from '../src/observe.ts';
import { askSources } from '../jobs/ask-sources.ts';
import { createIoMeter } from '../jobs/metatile-result.ts';
import { createFindBaseline } from '../jobs/open-baseline.ts';
import { openPipeline } from '../jobs/pipeline.ts';
import type { Pipeline } from '../jobs/pipeline.ts';
import type { TilesetPlan } from '../jobs/plan-jobs.ts';
import { ALIVE_INTERVAL_MS } from '../jobs/local/render-channel.ts';
import type { RenderChannel, ToRenderProcess } from '../jobs/local/render-channel.ts';
import { failureOf } from '../jobs/retry.ts';
import { planOfRun } from '../jobs/run-update.ts';
import { processMetatile } from './render-metatile.ts';

type AskMessage = Extract<ToRenderProcess, { kind: 'ask' }>;
type OpenMessage = Extract<ToRenderProcess, { kind: 'open' }>;

/**
 * One process of `tilewright render`: opens the pipeline of the request, renders the metatiles that it is told to, and
 * answers each with its result or its error. It ends when it is told to or when the parent is gone, whatever is under
 * way: a tile is in place whole or not at all, and what was not answered is done again. Every second it says that it
 * lives, unless its event loop stands still, for which its parent kills it.
 */
export function runRenderProcess(channel: RenderChannel, exit: (code: number) => void): void {
  const stopping = new AbortController();
  let render: ((index: number) => Promise<void>) | null = null;
  let pipeline: Pipeline | null = null;
  const gate = createToldGate(channel);

  const refuse = (error: unknown): void => {
    if (isAbortError(error)) return;
    reportFault(error);
    channel.send({ kind: 'fatal', failure: failureOf(error) });
  };
  const open = async (message: OpenMessage): Promise<void> => {
    try {
      const { signal } = stopping;
      const plan = planOfRun(message.request, message.update);
      pipeline = await openPipeline(message.request, message.config, { signal, logger: SILENT, gate });
      render = createRender(channel, message, plan, pipeline, signal);
      channel.send({ kind: 'ready' });
    } catch (error) {
      refuse(error);
    }
  };
  const ask = async ({ request, config }: AskMessage): Promise<void> => {
    try {
      const io = createIoCounters();
      const reach = await askSources(request, { config, counters: io, signal: stopping.signal });
      channel.send({ kind: 'reach', reach, io });
    } catch (error) {
      refuse(error);
    }
  };
  const alive = giveSignsOfLife(channel);
  const close = async (): Promise<void> => {
    if (stopping.signal.aborted) return;
    clearInterval(alive);
    stopping.abort();
    await pipeline?.[Symbol.asyncDispose]();
  };

  channel.onMessage((message) => {
    switch (message.kind) {
      case 'hostClosed':
        return gate.close(message.closing);
      case 'ask':
        void ask(message);
        break;
      case 'open':
        void open(message);
        break;
      case 'metatile':
        void render?.(message.index);
        break;
      case 'close':
        void close().finally(() => exit(0));
        break;
    }
  });
  channel.onDisconnect(() => exit(1));
}

/** Tells the parent which hosts ask for less, and so the processes beside this one. */
function createToldGate(channel: RenderChannel): HostGate {
  const gate = new HostGate();
  gate.onClosing((closing) => channel.send({ kind: 'hostClosed', closing }));
  return gate;
}

function createRender(
  channel: RenderChannel,
  { config, overwrite, update }: OpenMessage,
  plan: TilesetPlan,
  { renderer, store, counters }: Pipeline,
  signal: AbortSignal,
): (index: number) => Promise<void> {
  const takeIo = createIoMeter(counters);
  const baseline = update === null ? undefined : createFindBaseline(store, update);
  const storeConcurrency = config.store.concurrency;
  const timeoutMs = config.metatileTimeoutMs;
  return async (index) => {
    try {
      const work = plan.workAt(index);
      if (work === null) throw new Error(`The plan has no metatile ${index}`);
      const result = await processMetatile({
        renderer,
        store,
        work,
        overwrite,
        baseline,
        storeConcurrency,
        timeoutMs,
        takeIo,
        signal,
      });
      channel.send({ kind: 'result', result });
    } catch (error) {
      if (isAbortError(error) && signal.aborted) return;
      reportFault(error);
      channel.send({ kind: 'error', index, failure: failureOf(error) });
    }
  };
}

function giveSignsOfLife(channel: RenderChannel): NodeJS.Timeout {
  const timer = setInterval(() => {
    channel.send({ kind: 'alive', rssBytes: process.memoryUsage.rss() });
  }, ALIVE_INTERVAL_MS);
  // If the parent was gone before anybody listened for that, the timer must not be what keeps this process alive.
  return timer.unref();
}

/** A fault in the program: what crosses to the parent is too little to find it by. */
function reportFault(error: unknown): void {
  if (!isTilerError(error)) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
}

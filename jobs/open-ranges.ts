import { createHttpAgent } from '../src/cog/http-agent.ts';
import { DEFAULT_RETRY } from '../src/cog/middleware.ts';
import { createRangeSourceOpener } from '../src/cog/open-range-source.ts';
import type { OpenRangeSource } from '../src/cog/range-source.ts';
import type { Config } from '../src/config.ts';
import type { HostGate } from '../src/host-gate.ts';
import type { IoCounters, StageMeter } from '../src/observe.ts';
import { CleanupStack } from './cleanup-stack.ts';

export interface OpenRangesOptions {
  readonly counters: IoCounters;
  readonly stages?: StageMeter;
  readonly gate?: HostGate;
  /** Folder beneath which `file:` hrefs may be read; null = none may. */
  readonly fileRoot: string | null;
}

/** What opens hrefs, with the connections that it holds. */
export interface OpenRanges extends AsyncDisposable {
  readonly open: OpenRangeSource;
}

/** Puts together what reads byte ranges of files, HTTP servers and S3, as the configuration allows. Does no I/O. */
export function createOpenRanges({ source, s3 }: Config, options: OpenRangesOptions): OpenRanges {
  const cleanup = new CleanupStack();
  const agent = createHttpAgent({ connectionsPerHost: source.concurrencyPerHost });
  cleanup.defer(() => agent.close());
  const open = createRangeSourceOpener({
    ...options,
    agent,
    allowedHosts: source.allowedHosts,
    s3Client: async () => {
      const { createS3Client } = await import('../src/s3-client.ts');
      const { timeoutMs: requestTimeoutMs, concurrencyPerHost: maxSockets } = source;
      const { forcePathStyle, requesterPays } = s3;
      const client = createS3Client({ forcePathStyle, requesterPays, requestTimeoutMs, maxSockets });
      cleanup.defer(() => client.destroy());
      return client;
    },
    concurrencyPerHost: source.concurrencyPerHost,
    timeoutMs: source.timeoutMs,
    retry: { ...DEFAULT_RETRY, attempts: source.retries + 1 },
  });
  return { open, [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose]() };
}

import { isAbortError, isTilerError } from '../errors.ts';
import { runWithin } from '../retry.ts';
import { FILE_ABSENT } from './cog.ts';
import type { OpenRangeSource } from './range-source.ts';

/** Tells which version of a file is there now, to compare with the one that was read once. */
export interface FileVersions {
  /**
   * `RangeSource.version` of a file, or `FILE_ABSENT`; null = nothing says it. An answer counts for a while.
   *
   * @throws TilerError those of `OpenRangeSource` and `RangeSource.read`; a failure is not remembered
   */
  versionOf(href: string, options: { readonly signal: AbortSignal }): Promise<string | null>;
}

export interface FileVersionsOptions {
  readonly opener: OpenRangeSource;
  /** Answers remembered. Default 20,000. */
  readonly maxFiles?: number;
  /** How long an answer counts. Default 5 minutes. */
  readonly maxAgeMs?: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

interface Entry {
  readonly asked: Promise<string | null>;
  readonly atMs: number;
}

/**
 * Asks for the versions of files, each once in a while. One for a run: what was replaced before the run began must not be
 * answered by what was there before.
 *
 * A file is asked by reading its first byte, in the way in which it is read, and not by `HEAD`: that is refused where the
 * signature of an href is for `GET` alone, and some servers answer it in another way.
 */
export function createFileVersions({
  opener,
  maxFiles = 20_000,
  maxAgeMs = 300_000,
  now = () => performance.now(),
}: FileVersionsOptions): FileVersions {
  /** The least recently asked first. */
  const entries = new Map<string, Entry>();

  const begin = (href: string, signal: AbortSignal): Entry => {
    const entry = { asked: Promise.resolve().then(() => askVersion(opener, href, signal)), atMs: now() };
    entries.delete(href);
    entries.set(href, entry);
    const [oldest] = entries.keys();
    if (entries.size > maxFiles && oldest !== undefined) entries.delete(oldest);
    entry.asked.catch(() => {
      if (entries.get(href) === entry) entries.delete(href);
    });
    return entry;
  };

  return {
    async versionOf(href, { signal }) {
      for (;;) {
        const found = entries.get(href);
        const known = found !== undefined && now() - found.atMs <= maxAgeMs ? found : undefined;
        const { asked } = known ?? begin(href, signal);
        try {
          return await runWithin({ signal, timeoutMs: Number.POSITIVE_INFINITY }, () => asked);
        } catch (error) {
          // The one that asked was aborted, but this one was not.
          if (known === undefined || signal.aborted || !isAbortError(error)) throw error;
          if (entries.get(href) === known) entries.delete(href);
        }
      }
    },
  };
}

async function askVersion(opener: OpenRangeSource, href: string, signal: AbortSignal): Promise<string | null> {
  const source = opener(href);
  try {
    await source.read(0, 1, { signal });
    return source.version();
  } catch (error) {
    if (isTilerError(error) && error.code === 'ASSET_NOT_FOUND') return FILE_ABSENT;
    throw error;
  } finally {
    await source[Symbol.asyncDispose]();
  }
}

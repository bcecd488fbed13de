import { isAbortError } from '../errors.ts';
import { NO_STAGES, timed } from '../observe.ts';
import type { StatedCrs } from '../geo/stated-crs.ts';
import type { Cog } from './cog.ts';
import type { OpenRangeSource } from './range-source.ts';
import { openCog, type OpenCogOptions } from './open-cog.ts';
import { runWithin } from '../retry.ts';
import { sidecarHref, type Sidecar, type SidecarOptions } from './sidecars.ts';

export interface CogPoolOptions extends Omit<OpenCogOptions, 'signal' | 'onChanged' | 'sidecars'> {
  readonly opener: OpenRangeSource;
  /** Looked for beside every COG. Default none. */
  readonly sidecars?: readonly Sidecar[];
  /** COGs kept open; each holds its directories, and a file descriptor if it is a file. */
  readonly maxOpen: number;
}

/** Opens COGs, each once. */
export interface CogPool extends AsyncDisposable {
  /**
   * Gives the COG of an href; those who ask while it is being opened share that. The COG belongs to the pool: the caller
   * does not dispose of it. One that was pushed out of the pool goes on working for those who hold it.
   *
   * @throws TilerError those of `OpenRangeSource` and `openCog`; a failure is not remembered
   */
  open(href: string, options: CogOpenOptions): Promise<Cog>;
}

interface CogOpenOptions {
  readonly signal: AbortSignal;
  /** The CRS of a file that names none, where the pool has no `fallbackCrs` for all of them. */
  readonly fallbackCrs?: StatedCrs | undefined;
}

/**
 * Creates a pool that keeps the most recently used COGs open.
 *
 * An entry is opening, then open; it leaves the pool when opening fails, when others push it out, when its file turned
 * out to have changed (so that the next attempt sees the new one), or with the pool. Whatever leaves is disposed of,
 * which for a file gives its descriptor back until the next read.
 */
export function createCogPool(options: CogPoolOptions): CogPool {
  const entries = new Map<string, Promise<Cog>>();

  const { opener, sidecars: kinds = [], stages = NO_STAGES } = options;
  const sidecarsOf = (href: string): SidecarOptions => ({ kinds, open: (suffix) => opener(sidecarHref(href, suffix)) });

  const drop = async (key: string, entry: Promise<Cog>): Promise<void> => {
    if (entries.get(key) === entry) entries.delete(key);
    await (await entry)[Symbol.asyncDispose]();
  };

  const begin = (key: string, href: string, { signal, fallbackCrs }: CogOpenOptions): Promise<Cog> => {
    const onChanged = (): void => void drop(key, entry).catch(() => {});
    const opening = {
      ...options,
      assumed: { ...options.assumed, fallbackCrs: options.assumed?.fallbackCrs ?? fallbackCrs },
      sidecars: sidecarsOf(href),
      onChanged,
      signal,
    };
    const entry: Promise<Cog> = Promise.resolve().then(() =>
      timed(stages, 'open', () => openCog(opener(href), opening)),
    );
    entries.set(key, entry);
    entry.catch(() => {
      if (entries.get(key) === entry) entries.delete(key);
    });
    return entry;
  };

  return {
    async open(href, openOptions) {
      const { signal, fallbackCrs } = openOptions;
      // Items that place one file differently do not share it: what it is must not depend on which came first.
      const key = JSON.stringify([href, fallbackCrs ?? null]);
      for (;;) {
        const known = entries.get(key);
        const entry = known ?? begin(key, href, openOptions);
        entries.delete(key);
        entries.set(key, entry);
        const [oldest] = entries;
        if (entries.size > options.maxOpen && oldest !== undefined) drop(...oldest).catch(() => {});
        try {
          return await runWithin({ signal, timeoutMs: Number.POSITIVE_INFINITY }, () => entry);
        } catch (error) {
          // The one that began to open it was aborted, but this one was not.
          if (known === undefined || signal.aborted || !isAbortError(error)) throw error;
          if (entries.get(key) === known) entries.delete(key);
        }
      }
    },
    async [Symbol.asyncDispose]() {
      const closing = [...entries].map(([key, entry]) => drop(key, entry).catch(() => {}));
      await Promise.all(closing);
    },
  };
}

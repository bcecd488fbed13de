import { isAbortError } from '../errors.ts';
import type { Cog } from './cog.ts';
import type { OpenRangeSource } from './range-source.ts';
import { openCog, type OpenCogOptions } from './open-cog.ts';
import { runWithin } from '../retry.ts';

export interface CogPoolOptions extends Omit<OpenCogOptions, 'signal' | 'onChanged'> {
  readonly opener: OpenRangeSource;
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
  open(href: string, options: { readonly signal: AbortSignal }): Promise<Cog>;
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

  const drop = async (href: string, entry: Promise<Cog>): Promise<void> => {
    if (entries.get(href) === entry) entries.delete(href);
    await (await entry)[Symbol.asyncDispose]();
  };

  const begin = (href: string, signal: AbortSignal): Promise<Cog> => {
    const onChanged = (): void => void drop(href, entry).catch(() => {});
    const entry: Promise<Cog> = Promise.resolve().then(() =>
      openCog(options.opener(href), { ...options, onChanged, signal }),
    );
    entries.set(href, entry);
    entry.catch(() => {
      if (entries.get(href) === entry) entries.delete(href);
    });
    return entry;
  };

  return {
    async open(href, { signal }) {
      for (;;) {
        const known = entries.get(href);
        const entry = known ?? begin(href, signal);
        entries.delete(href);
        entries.set(href, entry);
        const [oldest] = entries;
        if (entries.size > options.maxOpen && oldest !== undefined) drop(...oldest).catch(() => {});
        try {
          return await runWithin({ signal, timeoutMs: Number.POSITIVE_INFINITY }, () => entry);
        } catch (error) {
          // The one that began to open it was aborted, but this one was not.
          if (known === undefined || signal.aborted || !isAbortError(error)) throw error;
          if (entries.get(href) === known) entries.delete(href);
        }
      }
    },
    async [Symbol.asyncDispose]() {
      const closing = [...entries].map(([href, entry]) => drop(href, entry).catch(() => {}));
      await Promise.all(closing);
    },
  };
}

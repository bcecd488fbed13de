/** Answers are good for so long; then the place is asked again, once for all who wait. */
const FRESH_MS = 5_000;

export interface Fresh<T> {
  get(): Promise<T>;
  /** What was given last; null = nothing yet. */
  peek(): T | null;
  /** The next one who asks is given what is there then. */
  forget(): void;
}

/**
 * Gives what `load` gave last, if that is not older than `freshMs`, by default five seconds; else what it gives now. What
 * was good once is kept when loading it anew fails.
 */
export function createFresh<T>(load: (last: T | null) => Promise<T>, freshMs = FRESH_MS): Fresh<T> {
  let last: { readonly value: T } | null = null;
  let loading: Promise<T> | null = null;
  let loadedAt = -Infinity;
  const start = async (): Promise<T> => {
    try {
      const value = await load(last?.value ?? null);
      last = { value };
      return value;
    } catch (error) {
      if (last === null) throw error;
      return last.value;
    } finally {
      loadedAt = performance.now();
      loading = null;
    }
  };
  return {
    async get() {
      if (last !== null && performance.now() - loadedAt < freshMs) return last.value;
      loading ??= start();
      return await loading;
    },
    peek: () => last?.value ?? null,
    forget() {
      loadedAt = -Infinity;
    },
  };
}

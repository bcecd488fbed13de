import type { Metatile } from '../tms/metatile.ts';
import type { Scene } from './scene.ts';

/** Asks outside which scenes touch a metatile; the signal ends it. */
export type SearchMetatile = (metatile: Metatile, signal: AbortSignal) => Promise<readonly Scene[]>;

export interface SearchCacheLimits {
  readonly maxSearches: number;
  /** Of all searches together; a scene is about a kilobyte. */
  readonly maxScenes: number;
}

/**
 * Remembers what was found for which metatile.
 *
 * An entry is *under way* from the first question on, joined by whoever asks the same or for something inside it
 * meanwhile; then *found*, until it is the least recently used and a limit is passed. A search that fails, or that every
 * asker has left by aborting, is no entry any more, so that nothing but a whole answer is ever given twice.
 */
export class SearchCache {
  readonly #search: SearchMetatile;
  readonly #limits: SearchCacheLimits;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #callbacks = new WeakMap<AbortSignal, Callbacks>();

  constructor(search: SearchMetatile, limits: SearchCacheLimits) {
    this.#search = search;
    this.#limits = limits;
  }

  /** The smallest metatile, searched or being searched, inside which the given one lies. */
  smallestCover(metatile: Metatile): Metatile | null {
    let best: Metatile | null = null;
    for (const entry of this.#entries.values()) {
      if (covers(entry.metatile, metatile) && (best === null || extent(entry.metatile) < extent(best))) {
        best = entry.metatile;
      }
    }
    return best;
  }

  /** What was found for a metatile: remembered, joined, or asked for now. The signal ends the waiting of this caller only. */
  async scenesOf(metatile: Metatile, signal: AbortSignal): Promise<readonly Scene[]> {
    signal.throwIfAborted();
    const key = keyOf(metatile);
    const entry = this.#entries.get(key) ?? this.#start(metatile, key);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.sceneCount === null ? this.#join(entry, key, signal) : entry.scenes;
  }

  /** Ends the searches that are under way and forgets all. */
  clear(): void {
    for (const entry of this.#entries.values()) entry.controller.abort();
    this.#entries.clear();
  }

  #start(metatile: Metatile, key: string): Entry {
    const controller = new AbortController();
    const entry: Entry = {
      metatile,
      controller,
      askers: 0,
      sceneCount: null,
      scenes: this.#search(metatile, controller.signal),
    };
    void this.#settle(entry, key);
    return entry;
  }

  async #settle(entry: Entry, key: string): Promise<void> {
    try {
      entry.sceneCount = (await entry.scenes).length;
      this.#evict();
    } catch {
      // Whoever asked hears of the failure; here it only must not be remembered.
      this.#forget(key, entry);
    }
  }

  async #join(entry: Entry, key: string, signal: AbortSignal): Promise<readonly Scene[]> {
    entry.askers++;
    let stay = (): void => {};
    const left = new Promise<never>((_, reject) => {
      // The reason is the caller's own, an AbortError as a rule, and is passed on as it is.
      stay = this.#onAbort(signal, () => reject(signal.reason as Error));
    });
    try {
      return await Promise.race([entry.scenes, left]);
    } finally {
      stay();
      entry.askers--;
      if (entry.askers === 0 && entry.sceneCount === null) {
        this.#forget(key, entry);
        entry.controller.abort();
      }
    }
  }

  /** Calls back on abort, by one listener for all callbacks of a signal: Node warns of more than ten. Gives what undoes it. */
  #onAbort(signal: AbortSignal, callback: () => void): () => void {
    const callbacks = this.#callbacks.get(signal) ?? this.#listen(signal);
    callbacks.all.add(callback);
    return () => {
      callbacks.all.delete(callback);
      if (callbacks.all.size > 0) return;
      signal.removeEventListener('abort', callbacks.callAll);
      this.#callbacks.delete(signal);
    };
  }

  #listen(signal: AbortSignal): Callbacks {
    const all = new Set<() => void>();
    const callbacks: Callbacks = { all, callAll: () => all.forEach((one) => one()) };
    signal.addEventListener('abort', callbacks.callAll, { once: true });
    this.#callbacks.set(signal, callbacks);
    return callbacks;
  }

  #forget(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }

  #evict(): void {
    const found = [...this.#entries].flatMap(([key, { sceneCount }]) =>
      sceneCount === null ? [] : [{ key, sceneCount }],
    );
    let scenes = found.reduce((sum, { sceneCount }) => sum + sceneCount, 0);
    let searches = found.length;
    for (const { key, sceneCount } of found) {
      // The latest stays however many scenes it has: its tiles are about to ask for it.
      const isWithin = searches <= this.#limits.maxSearches && scenes <= this.#limits.maxScenes;
      if (isWithin || searches === 1) return;
      this.#entries.delete(key);
      searches--;
      scenes -= sceneCount;
    }
  }
}

/** What the askers under one signal want called when it is aborted. */
interface Callbacks {
  readonly all: Set<() => void>;
  readonly callAll: () => void;
}

interface Entry {
  readonly metatile: Metatile;
  readonly controller: AbortController;
  readonly scenes: Promise<readonly Scene[]>;
  askers: number;
  /** Null while the search is under way. */
  sceneCount: number | null;
}

function keyOf({ z, x, y, size }: Metatile): string {
  return `${z}/${x}/${y}/${size}`;
}

/** Side of a metatile as a fraction of the world's. */
function extent({ z, size }: Metatile): number {
  return size / 2 ** z;
}

/**
 * True if the inner metatile lies in the outer one. Its halo does so too: that is measured in pixels of its own zoom,
 * which are no larger than the outer one's.
 */
function covers(outer: Metatile, inner: Metatile): boolean {
  if (outer.z > inner.z || extent(inner) > extent(outer)) return false;
  const scale = extent(inner) / extent(outer);
  return Math.floor(inner.x * scale) === outer.x && Math.floor(inner.y * scale) === outer.y;
}

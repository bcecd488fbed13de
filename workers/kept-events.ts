/** Events that may come before their listener. */
export interface KeptEvents<T> {
  /** To be called with every event. */
  tell(this: void, event: T): void;
  /** Takes the listener, which hears what was kept at once. */
  listen(this: void, listener: (event: T) => void): void;
}

/** A first and a second signal are told apart, and no more. */
const MAX_KEPT = 2;

/**
 * Keeps what happens to a process while it loads its packages, at most two events, for who listens later. A process that
 * is told to end then, or whose parent dies, would otherwise end like one that was killed, or run on for ever.
 */
export function createKeptEvents<T>(): KeptEvents<T> {
  const kept: T[] = [];
  let told: ((event: T) => void) | null = null;
  return {
    tell(event) {
      if (told !== null) told(event);
      else if (kept.length < MAX_KEPT) kept.push(event);
    },
    listen(listener) {
      told = listener;
      for (const event of kept.splice(0)) listener(event);
    },
  };
}

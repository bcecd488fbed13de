import { setImmediate } from 'node:timers/promises';

/** Far less than what anything else in the process may have to wait: several of these may come one after the other. */
const TURN_MS = 10;

/** Lets the event loop turn in work that is made of many small pieces, as seldom as that does any good. */
export class Turns {
  private last = performance.now();

  /** To be called between two pieces: waits for a turn if it has been some time since the last. */
  async between(): Promise<void> {
    if (performance.now() - this.last < TURN_MS) return;
    await setImmediate();
    this.last = performance.now();
  }
}

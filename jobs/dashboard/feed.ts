import { foremostRuns } from '../run-metrics.ts';
import type { RunStatus } from '../runs.ts';
import type { RunReader } from './run-reader.ts';

/** Takes one message of the event stream as it is sent. */
type Listener = (message: string) => void;

/** What happens to the runs, for any number of pages. */
export interface RunFeed {
  /** Sends the runs as they are, then what changes. @returns what ends it */
  listen(listener: Listener): () => void;
  /** How many listen. */
  listeners(): number;
  close(): void;
}

const INTERVAL_MS = 1_000;
/** A comment now and then keeps proxies from cutting the connection, and tells a page that the server lives. */
const BEAT_EVERY = 5;
/** No more are shown; there may be a month of ended ones. */
const MAX_RUNS = 200;

/**
 * Asks for the list of runs once a second while at least one page listens, and never else. Events:
 *
 * - `runs`: `{ runs: RunStatus[] }`, all of them; first, and whenever one came or went
 * - `changed`: `{ runs: RunStatus[] }`, those that changed
 * - `trouble`: `{ message }`, the runs cannot be read now
 */
export function createRunFeed(reader: RunReader, { intervalMs = INTERVAL_MS } = {}): RunFeed {
  const listeners = new Set<Listener>();
  /** What listeners know: each run as JSON. Null while nobody listens. */
  let shown: ReadonlyMap<string, string> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let isPolling = false;
  let isTroubled = false;
  let polls = 0;

  const send = (message: string): void => {
    for (const listener of listeners) listener(message);
  };
  const look = async (): Promise<void> => {
    try {
      const next = toTexts(await reader.list());
      const message = shown === null || isTroubled ? allMessage(next) : changeMessage(shown, next);
      shown = next;
      isTroubled = false;
      if (message !== null) send(message);
      else if (polls % BEAT_EVERY === 0) send(': still here\n\n');
    } catch (error) {
      isTroubled = true;
      send(eventText('trouble', JSON.stringify({ message: error instanceof Error ? error.message : String(error) })));
    }
    polls++;
  };
  const poll = (): void => {
    void look().finally(() => {
      if (listeners.size > 0) timer = setTimeout(poll, intervalMs);
      else stop();
    });
  };
  const stop = (): void => {
    clearTimeout(timer);
    timer = undefined;
    shown = null;
    isPolling = false;
  };

  return {
    listeners: () => listeners.size,
    listen(listener) {
      listeners.add(listener);
      if (shown !== null) listener(allMessage(shown));
      if (!isPolling) {
        isPolling = true;
        poll();
      }
      return () => {
        listeners.delete(listener);
        // A poll under way stops by itself.
        if (listeners.size === 0 && timer !== undefined) stop();
      };
    },
    close() {
      listeners.clear();
      if (timer !== undefined) stop();
    },
  };
}

function toTexts(runs: readonly RunStatus[]): ReadonlyMap<string, string> {
  return new Map(foremostRuns(runs, MAX_RUNS).map((status) => [status.run, JSON.stringify(status)]));
}

function allMessage(runs: ReadonlyMap<string, string>): string {
  return eventText('runs', `{"runs":[${[...runs.values()].join(',')}]}`);
}

function changeMessage(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string | null {
  const isSameSet = before.size === after.size && [...after.keys()].every((run) => before.has(run));
  if (!isSameSet) return allMessage(after);
  const changed = [...after].filter(([run, text]) => before.get(run) !== text).map(([, text]) => text);
  return changed.length === 0 ? null : eventText('changed', `{"runs":[${changed.join(',')}]}`);
}

function eventText(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}

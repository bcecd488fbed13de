import { setTimeout as delay } from 'node:timers/promises';

/** Signals and last-resort events that a finished piece of work must no longer listen to. */
const EVENTS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2', 'uncaughtException', 'unhandledRejection'] as const;

/** Resources that belong to something with a lifetime. File requests and the like come and go by themselves. */
const KINDS: ReadonlySet<string> = new Set([
  'TCPSocketWrap',
  'TCPServerWrap',
  'PipeWrap',
  'ProcessWrap',
  'Timeout',
  'FSEventWrap',
  'MessagePort',
  'Worker',
]);

/** How many of each kind keep this process alive, and how many listeners it has. Keys are kinds and event names. */
export type ResourceCounts = ReadonlyMap<string, number>;

/** Counts what is open now. Resources that were unref'd do not keep a process alive and are not counted. */
export function countResources(): ResourceCounts {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (KINDS.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  for (const event of EVENTS) counts.set(`${event} listener`, process.listenerCount(event));
  return counts;
}

/** What there is more of now than before, as lines for people; empty = nothing is left over. */
export function leaksSince(before: ResourceCounts): readonly string[] {
  const lines: string[] = [];
  for (const [kind, count] of countResources()) {
    const extra = count - (before.get(kind) ?? 0);
    if (extra > 0) lines.push(`${extra} × ${kind}`);
  }
  return lines;
}

/**
 * Waits until nothing is left over, at most `timeoutMs`: closing a socket takes a turn or two of the event loop.
 *
 * @returns the leaks that stayed
 */
export async function waitForNoLeaks(before: ResourceCounts, timeoutMs: number): Promise<readonly string[]> {
  const deadline = performance.now() + timeoutMs;
  let leaks = leaksSince(before);
  while (leaks.length > 0 && performance.now() < deadline) {
    await delay(20, undefined, { ref: false });
    leaks = leaksSince(before);
  }
  return leaks;
}

import { ALIVE_INTERVAL_MS } from './render-channel.ts';

/** Why a process that rendered a metatile is gone: it died, or it was killed as it was silent or held too much memory. */
export type LossCause = 'died' | 'hung' | 'outgrew';

/** What to do with a process. `retire` = give it nothing more, and a successor once it is idle. */
export type WatchVerdict = 'fine' | 'retire' | Exclude<LossCause, 'died'>;

/** A process that holds this many times its limit of memory is killed, whatever is under way. */
const KILL_FACTOR = 1.5;

/** Until its first sign of life a process loads its program, which a machine under load lets it do slowly. */
const START_LIMIT_MS = 30_000;

export interface ProcessWatchOptions {
  readonly hangMs: number;
  readonly maxRssBytes: number;
  /** Milliseconds that only grow; replaced in tests. */
  readonly now?: () => number;
}

/** What is known of one process. */
interface Seen {
  atMs: number;
  rssBytes: number;
  isStarted: boolean;
}

/**
 * Judges render processes by their signs of life. `look` is to be called every second: when it comes late, the parent
 * itself was asleep or stopped, and what its processes said meanwhile is still to be read, so none counts as silent.
 */
export class ProcessWatch<Process extends object> {
  private readonly options: Required<ProcessWatchOptions>;
  private readonly seen = new Map<Process, Seen>();
  private lookedAtMs: number;

  constructor({ hangMs, maxRssBytes, now = () => performance.now() }: ProcessWatchOptions) {
    this.options = { hangMs, maxRssBytes, now };
    this.lookedAtMs = now();
  }

  started(process: Process): void {
    this.seen.set(process, { atMs: this.options.now(), rssBytes: 0, isStarted: false });
  }

  gone(process: Process): void {
    this.seen.delete(process);
  }

  /** Any message of a process; `rssBytes` = what it holds, if the message says so. */
  heard(process: Process, rssBytes?: number): void {
    const seen = this.seen.get(process);
    if (seen === undefined) return;
    seen.atMs = this.options.now();
    seen.isStarted = true;
    if (rssBytes !== undefined) seen.rssBytes = rssBytes;
  }

  /** What its memory asks for. */
  memoryVerdict(process: Process): WatchVerdict {
    const rssBytes = this.seen.get(process)?.rssBytes ?? 0;
    if (rssBytes > this.options.maxRssBytes * KILL_FACTOR) return 'outgrew';
    return rssBytes > this.options.maxRssBytes ? 'retire' : 'fine';
  }

  /** The processes that are silent for longer than they may be. */
  look(): readonly Process[] {
    const nowMs = this.options.now();
    const wasAsleep = nowMs - this.lookedAtMs > 3 * ALIVE_INTERVAL_MS;
    this.lookedAtMs = nowMs;
    const silent: Process[] = [];
    for (const [process, seen] of this.seen) {
      if (wasAsleep) seen.atMs = nowMs;
      // Signs come every second, so silence can only be told from one on.
      const limitMs = this.options.hangMs + ALIVE_INTERVAL_MS;
      if (nowMs - seen.atMs > (seen.isStarted ? limitMs : Math.max(limitMs, START_LIMIT_MS))) silent.push(process);
    }
    return silent;
  }
}

const MIB = 1024 * 1024;

type Limits = Pick<ProcessWatchOptions, 'hangMs' | 'maxRssBytes'>;

/** What became of a process: `died`, or what it was killed for. */
export function describeLoss(cause: LossCause, { hangMs, maxRssBytes }: Limits): string {
  if (cause === 'hung') return `gave no sign of life for ${hangMs} ms and was killed`;
  if (cause === 'died') return 'died';
  return `held more than ${Math.floor((maxRssBytes * KILL_FACTOR) / MIB)} MiB of memory and was killed`;
}

/** What became of the processes of one metatile: `died 2 times`. */
export function describeLosses(causes: readonly LossCause[], limits: Limits): string {
  return [...new Set(causes)]
    .map((cause) => {
      const times = causes.filter((one) => one === cause).length;
      return `${describeLoss(cause, limits)} ${times === 1 ? 'once' : `${times} times`}`;
    })
    .join(', ');
}

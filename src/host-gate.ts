import { isTilerError } from './errors.ts';
import type { TilerError } from './errors.ts';
import { allowListeners, growingBackoffMs } from './retry.ts';

/** A host that was closed, and for how long from now on. */
export interface HostClosing {
  /** Scheme, host and port; of S3 `s3://bucket`, as a process has one S3 endpoint. Never a path or a credential. */
  readonly host: string;
  readonly closedMs: number;
}

export interface PassOptions {
  readonly signal: AbortSignal;
  /** Whoever would wait longer than this for a closed host is refused at once. */
  readonly maxWaitMs: number;
  /** Makes the error of that, one that is throttled, from what was found and from the time that is left. */
  readonly refuse: (found: string, retryAfterMs: number) => TilerError;
}

/** No host is closed for longer than this, whatever its `Retry-After` says. */
export const MAX_CLOSED_MS = 900_000;

/** How long a host is closed that does not say how long: the first time, and at most. */
const PAUSE = { baseMs: 500, maxMs: 30_000 };

/** A host that takes so many requests at once again has no limit here any more. */
const FULL_WIDTH = 64;

/** Hosts remembered. Hrefs are untrusted and may name any number. */
const MAX_HOSTS = 1_000;

/** Closings that are longer by less than this than what the others know are not told to them. */
const UNTOLD_MS = 250;

interface Waiting {
  readonly latestMs: number;
  readonly refuse: PassOptions['refuse'];
  /** Ends the wait: null = the request goes, else it fails with this. */
  readonly end: (error: unknown) => void;
}

interface HostState {
  readonly host: string;
  active: number;
  /** Requests that may be under way at once. */
  width: number;
  openAtMs: number;
  /** Counts the closings. What began before one says nothing about how the host is after it. */
  turn: number;
  /** Closings since the last request that passed. */
  strikes: number;
  /** Requests that passed since the width was changed. */
  passed: number;
  readonly waiting: Set<Waiting>;
  timer: NodeJS.Timeout | null;
}

/**
 * Holds requests back from hosts that ask for less of them: what one request is told, all requests of the process heed.
 *
 * A host is open until a request to it is throttled. Then it is closed: for what `Retry-After` asks, or for a back-off
 * that doubles while nothing passes; the longest counts, up to `MAX_CLOSED_MS`. With each closing the number of requests
 * that may be under way at once is halved, and when the host opens it grows by one with each such number of requests
 * that pass, until it is no limit any more. (Additive increase, multiplicative decrease, as TCP has it.)
 *
 * What is under way when a host is closed goes on. States of a host: open → closed → narrow → open.
 */
export class HostGate {
  private readonly hosts = new Map<string, HostState>();
  private readonly listeners = new Set<(closing: HostClosing) => void>();
  private readonly random: () => number;

  /** @param random - in [0, 1); spreads requests over time, and changes no pixel */
  constructor(random: () => number = Math.random) {
    this.random = random;
  }

  /**
   * Sends one request to a host once it may be sent, and learns from its error whether the host asks for less.
   *
   * @throws what `refuse` makes, what `send` throws, and the abort reason
   */
  async pass<T>(host: string, send: () => Promise<T>, options: PassOptions): Promise<T> {
    const state = this.stateOf(host);
    if (this.isFree(state)) state.active++;
    else await this.wait(state, options);
    const { turn } = state;
    try {
      const result = await send();
      this.succeed(state, turn);
      return result;
    } catch (error) {
      this.fail(state, turn, error);
      throw error;
    } finally {
      state.active--;
      if (state.waiting.size > 0) this.admit(state);
    }
  }

  /** Milliseconds until a host opens; 0 = it is open. */
  closedMs(host: string): number {
    return Math.max(0, (this.hosts.get(host)?.openAtMs ?? 0) - performance.now());
  }

  /** Closes a host that another process was told to leave alone. Tells nobody. */
  close({ host, closedMs }: HostClosing): void {
    const state = this.stateOf(host);
    this.closeState(state, closedMs, state.openAtMs <= performance.now());
  }

  /** The hosts that are closed now. */
  closings(): readonly HostClosing[] {
    const nowMs = performance.now();
    return [...this.hosts.values()].flatMap(({ host, openAtMs }) =>
      openAtMs > nowMs ? [{ host, closedMs: Math.ceil(openAtMs - nowMs) }] : [],
    );
  }

  /** Calls `listener` with each closing by a request of this gate. @returns what ends that */
  onClosing(listener: (closing: HostClosing) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private stateOf(host: string): HostState {
    const known = this.hosts.get(host);
    if (known !== undefined) return known;
    if (this.hosts.size >= MAX_HOSTS) this.forgetOne();
    const fresh = { host, active: 0, width: Number.POSITIVE_INFINITY, openAtMs: 0, turn: 0, strikes: 0, passed: 0 };
    const state: HostState = { ...fresh, waiting: new Set(), timer: null };
    this.hosts.set(host, state);
    return state;
  }

  /** Forgets the host without requests that opens first, or has been open for longest. */
  private forgetOne(): void {
    let first: HostState | null = null;
    for (const state of this.hosts.values()) {
      const isIdle = state.active === 0 && state.waiting.size === 0;
      if (isIdle && (first === null || state.openAtMs < first.openAtMs)) first = state;
    }
    if (first !== null) this.hosts.delete(first.host);
  }

  private isFree({ active, width, openAtMs, waiting }: HostState): boolean {
    return active < width && waiting.size === 0 && (openAtMs === 0 || openAtMs <= performance.now());
  }

  private async wait(state: HostState, { signal, maxWaitMs, refuse }: PassOptions): Promise<void> {
    signal.throwIfAborted();
    const nowMs = performance.now();
    const latestMs = nowMs + maxWaitMs;
    if (state.openAtMs > latestMs) throw refusal(state, refuse, nowMs);
    allowListeners(signal);
    await new Promise<void>((resolve, reject) => {
      const end = (error: unknown): void => {
        signal.removeEventListener('abort', onAbort);
        state.waiting.delete(waiting);
        if (state.waiting.size === 0) disarm(state);
        if (error !== null) return reject(error);
        state.active++;
        resolve();
      };
      const waiting: Waiting = { latestMs, refuse, end };
      const onAbort = (): void => end(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      state.waiting.add(waiting);
      this.admit(state);
    });
  }

  /** Admits those that wait, first come first, as many as may go; if the host is closed, when it opens. */
  private admit(state: HostState): void {
    const leftMs = state.openAtMs - performance.now();
    if (leftMs > 0) {
      state.timer ??= setTimeout(() => {
        state.timer = null;
        this.admit(state);
      }, Math.ceil(leftMs));
      return;
    }
    for (const waiting of state.waiting) {
      if (state.active >= state.width) return;
      waiting.end(null);
    }
  }

  private succeed(state: HostState, turn: number): void {
    if (state.turn === 0 || turn !== state.turn) return;
    state.strikes = 0;
    if (state.width === Number.POSITIVE_INFINITY || ++state.passed < state.width) return;
    state.passed = 0;
    state.width = state.width + 1 < FULL_WIDTH ? state.width + 1 : Number.POSITIVE_INFINITY;
  }

  private fail(state: HostState, turn: number, error: unknown): void {
    if (!isTilerError(error) || !isThrottled(error)) return;
    const isFirst = turn === state.turn;
    if (isFirst) state.strikes++;
    // What was sent before the closing has no say, unless it was told how long to wait.
    const askedMs = error.retryAfterMs ?? 0;
    if (askedMs === 0 && !isFirst) return;
    const closedMs = askedMs > 0 ? askedMs : growingBackoffMs(state.strikes, PAUSE, this.random);
    const isNews = this.closeState(state, closedMs, isFirst);
    if (!isNews) return;
    const closing = { host: state.host, closedMs: Math.min(closedMs, MAX_CLOSED_MS) };
    for (const listener of this.listeners) listener(closing);
  }

  /** @returns true if the host is closed for notably longer than it was */
  private closeState(state: HostState, closedMs: number, isNew: boolean): boolean {
    const nowMs = performance.now();
    if (isNew) {
      state.turn++;
      state.passed = 0;
      state.width = Math.max(1, Math.floor(Math.min(state.width, Math.max(state.active, 2)) / 2));
    }
    const untilMs = nowMs + Math.min(closedMs, MAX_CLOSED_MS);
    const isNews = untilMs > state.openAtMs + UNTOLD_MS;
    if (untilMs <= state.openAtMs) return false;
    // Each process opens at another moment, a little later than it must.
    state.openAtMs = untilMs + this.random() * Math.min(1_000, closedMs / 10);
    disarm(state);
    for (const waiting of state.waiting) {
      if (waiting.latestMs < state.openAtMs) waiting.end(refusal(state, waiting.refuse, nowMs));
    }
    if (state.waiting.size > 0) this.admit(state);
    return isNews;
  }
}

function disarm(state: HostState): void {
  if (state.timer !== null) clearTimeout(state.timer);
  state.timer = null;
}

function refusal({ host, openAtMs }: HostState, refuse: PassOptions['refuse'], nowMs: number): TilerError {
  const leftMs = Math.ceil(openAtMs - nowMs);
  return refuse(`${host} asked for a pause, of which ${Math.ceil(leftMs / 1000)} s are left`, leftMs);
}

/** The name under which all requests for a bucket are held back together, whoever sends them. */
export function hostOfBucket(bucket: string): string {
  return `s3://${bucket}`;
}

/** True if a host says that there are too many requests, in one way or another. */
function isThrottled({ code, context, retry, retryAfterMs }: TilerError): boolean {
  if (retry === 'never') return false;
  return retryAfterMs !== null || code.endsWith('_THROTTLED') || context.status === 429 || context.status === 503;
}

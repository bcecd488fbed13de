/**
 * How a worker process is: it starts, takes jobs, waits for a Redis that is away, or takes no more jobs and ends.
 */
export type WorkerState = 'starting' | 'ready' | 'away' | 'stopping';

/** A sign of life, sent once a second and whenever the state changes. */
export interface LifeSign {
  readonly kind: 'life';
  readonly state: WorkerState;
  readonly rssBytes: number;
  /** How late this sign was sent: how long something else held the event loop. */
  readonly lateMs: number;
}

/** One metric of prom-client as JSON. */
export interface MetricJson {
  readonly name: string;
  readonly values: readonly { readonly labels: Readonly<Record<string, string | number>> }[];
}

/** What a worker process sends to the parent of its fleet. */
export type FromWorker =
  | LifeSign
  /** The answer to a question for metrics, with its number. */
  | { readonly kind: 'metrics'; readonly id: number; readonly metrics: readonly MetricJson[] };

/** What the parent of a fleet sends to a worker process. To end, it sends signals. */
export interface ToWorker {
  readonly kind: 'metrics';
  readonly id: number;
}

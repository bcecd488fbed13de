import { digestOf } from '../../src/digest.ts';
import { keyPrefix } from './catalog.ts';

/**
 * Names of all keys of runs. All share the hash tag of the prefix, so that on a Redis Cluster they lie on one node and a
 * script may use several.
 */
export class RunKeys {
  private readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = keyPrefix(prefix);
  }

  /** One hash for each run: its record, its state and its counts. */
  record(run: string): string {
    return `${this.prefix}:run:${run}`;
  }

  part(run: string, part: RunPart): string {
    return `${this.record(run)}:${part}`;
  }

  /** All keys of a run, in the order that the scripts expect. */
  all(run: string): string[] {
    return [this.record(run), ...RUN_PARTS.map((part) => this.part(run, part))];
  }

  /** Set of the names of all runs. */
  get runs(): string {
    return `${this.prefix}:runs`;
  }

  /** Set of the runs that are running: each should have a supervisor. */
  get open(): string {
    return `${this.prefix}:open`;
  }

  /** Sorted set of the runs that are adding metatiles to the queue, by the time of their last look. */
  get sharing(): string {
    return `${this.prefix}:sharing`;
  }

  /** The tick that was being served at the last look. */
  get tick(): string {
    return `${this.prefix}:tick`;
  }

  /** Held by the one worker that looks for runs without a supervisor. */
  get watch(): string {
    return `${this.prefix}:watch`;
  }

  /** Held by the one producer that begins a run. */
  lock(run: string): string {
    return `${this.prefix}:lock:${run}`;
  }

  /** Says which run writes to an output. */
  output(output: string): string {
    return `${this.prefix}:output:${digestOf(output, 64)}`;
  }
}

/** What a run has besides its record; the scripts know their places. */
const RUN_PARTS = [
  'done',
  'failed',
  'failures',
  'failedLeftOut',
  'failedLeftOutOrder',
  'codes',
  'samples',
  'leftOut',
  'leftOutOrder',
] as const;
export type RunPart = (typeof RUN_PARTS)[number];

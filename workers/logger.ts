import { AsyncLocalStorage } from 'node:async_hooks';
import { destination, pino } from 'pino';
import type { Config } from '../src/config.ts';
import type { Logger } from '../src/observe.ts';

/** What every line says that is written in the course of some work. */
export interface WorkFields {
  readonly run?: string;
  /** Index of the metatile; absent for work on the run as a whole. */
  readonly metatile?: number;
}

const work = new AsyncLocalStorage<WorkFields>();

/** Does some work whose lines in the log, also those that lower layers write, have these fields. */
export function withLogFields<T>(fields: WorkFields, does: () => T): T {
  return work.run(fields, does);
}

/**
 * A logger that writes one JSON object a line to standard error, with the fields of the work in whose course it is
 * called; what a line says itself comes before them.
 */
export function createLogger(level: Config['logLevel']): Logger {
  // A copy, as pino writes the fields of the line into it.
  const mixin = (): object => ({ ...work.getStore() });
  return pino({ level, base: { pid: process.pid }, mixin }, destination(2));
}

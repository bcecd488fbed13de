import { destination, pino } from 'pino';
import type { Config } from '../src/config.ts';
import type { Logger } from '../src/observe.ts';

/** A logger that writes one JSON object a line to standard error. */
export function createLogger(level: Config['logLevel']): Logger {
  return pino({ level, base: { pid: process.pid } }, destination(2));
}

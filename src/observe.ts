/** What a process reports as it works. Types only, so that the library needs no logger. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A logger that says nothing. */
export const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Counts of outside work. All only ever grow; a difference of two readings is the work between them. */
export interface IoCounters {
  /** STAC search pages asked for. */
  searches: number;
  /** Range reads that went to a file, an HTTP server or S3 (opens and retries counted). */
  readRequests: number;
  bytesRead: number;
  /** COG blocks decoded. */
  blocksDecoded: number;
  /** Objects or files written. */
  writeRequests: number;
  bytesWritten: number;
  /** Reads of a scene for a tile that go through far more pixels than they show, for want of overviews. */
  overreads: number;
}

/** Fresh counters, all zero. */
export function createIoCounters(): IoCounters {
  return {
    searches: 0,
    readRequests: 0,
    bytesRead: 0,
    blocksDecoded: 0,
    writeRequests: 0,
    bytesWritten: 0,
    overreads: 0,
  };
}

/** What a process reports as it works. Types only, so that the library needs no logger. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A logger that says nothing. */
export const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * The stages of rendering whose times are measured: a whole STAC search with its pages; opening a COG; one range read,
 * without waiting for a slot or for the next attempt; decoding a block; warping one scene for one tile; style and encoding
 * of a tile; writing a tile.
 */
export const STAGES = ['search', 'open', 'read', 'decode', 'warp', 'encode', 'upload'] as const;
export type Stage = (typeof STAGES)[number];

/** Takes the time of each piece of work of a stage. Called for every block and tile: it has to be cheap. */
export interface StageMeter {
  observe(stage: Stage, seconds: number): void;
}

/** A meter that keeps nothing. */
export const NO_STAGES: StageMeter = { observe() {} };

/** Measures a piece of work from its call to its end, whether it succeeds or fails. */
export async function timed<T>(stages: StageMeter, stage: Stage, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  try {
    return await work();
  } finally {
    stages.observe(stage, (performance.now() - startedAt) / 1000);
  }
}

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

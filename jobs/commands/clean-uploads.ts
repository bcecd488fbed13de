import { isTilerError } from '../../src/errors.ts';
import { giveUpUploads } from '../../src/store/abandoned-uploads.ts';
import { parseStoreLocation } from '../../src/store/open-store.ts';
import type { Config } from '../../src/config.ts';
import type { Runs } from '../runs.ts';

export interface CleanUploadsOptions {
  readonly config: Pick<Config, 's3'>;
  /** That was named, beside those of the runs that are known; null = none. */
  readonly output: string | null;
  /** Also those that were begun just now. */
  readonly all: boolean;
  /** Told of an output whose uploads could not be looked at. */
  readonly onFailure: (message: string) => void;
}

/** An upload that was given up. */
export interface GivenUp {
  readonly output: string;
  readonly path: string;
}

/** An archive is assembled within hours. */
const ABANDONED_MS = 24 * 3_600_000;

/**
 * Finds the outputs whose uploads nobody goes on with: no run of theirs is under way.
 *
 * @returns gives the uploads up, once the runs are forgotten that say which outputs there are
 */
export async function findAbandonedUploads(
  runs: Runs,
  { config, output, all, onFailure }: CleanUploadsOptions,
): Promise<() => AsyncGenerator<GivenUp>> {
  const known = await runs.list();
  const idle = new Map<string, string>();
  for (const name of [...known.map((run) => run.output), ...(output === null ? [] : [output])]) {
    idle.set(keyOf(name), name);
  }
  for (const run of known) if (run.state === 'running' || run.state === 'paused') idle.delete(keyOf(run.output));
  return async function* giveUp() {
    const { signal } = new AbortController();
    for (const name of idle.values()) {
      const options = { olderThanMs: all ? 0 : ABANDONED_MS, s3: config.s3 };
      const paths = await giveUpUploads(name, options, { signal }).catch((error: unknown) => {
        if (!isTilerError(error)) throw error;
        onFailure(error.message);
        return [];
      });
      for (const path of paths) yield { output: name, path };
    }
  };
}

/** The same for all ways to write an output. */
function keyOf(output: string): string {
  return JSON.stringify(parseStoreLocation(output));
}

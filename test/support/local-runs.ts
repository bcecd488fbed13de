import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalRuns } from '../../jobs/local/local-runs.ts';
import type { RunStatus } from '../../jobs/runs.ts';
import { parseConfig } from '../../src/config.ts';
import { until } from './processes.ts';

/** The runs of an output, as commands on it see them. */
export function localRunsOf(output: string): LocalRuns {
  return new LocalRuns({ output, config: parseConfig({}) });
}

/** The newest run of an output; null = there is none. */
export async function newestRun(runs: LocalRuns): Promise<RunStatus | null> {
  return (await runs.list())[0] ?? null;
}

/** Waits until the newest run of an output is as it is looked for. */
export async function untilRun(
  runs: LocalRuns,
  what: string,
  isThere: (status: RunStatus) => boolean,
): Promise<RunStatus> {
  return await until(what, async () => {
    const status = await newestRun(runs);
    return status !== null && isThere(status) ? status : null;
  });
}

/** Metatiles that the journal of the newest run of an output knows; 0 if there is none. */
export async function journalled(output: string): Promise<number> {
  const folder = join(output, '.tilewright');
  const [name] = (await readdir(folder).catch(() => [])).filter((one) => one.endsWith('.journal'));
  if (name === undefined) return 0;
  const bytes = await readFile(join(folder, name)).catch(() => Buffer.alloc(0));
  let done = 0;
  for (let at = 128; at + 1 < bytes.length; at += 2) if (bytes.readUInt16LE(at) > 0) done++;
  return done;
}

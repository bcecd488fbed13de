import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { Redis } from 'ioredis';
import { assertExit, childrenOf, runCli, startCli, until } from '../support/processes.ts';
import { createOwnRedis } from '../support/redis.ts';
import { startRustac } from '../support/rustac.ts';
import { startS3 } from '../support/s3.ts';
import { createS3Client } from '../support/s3-objects.ts';
import { startAll } from '../support/server-process.ts';
import { cpuSecondsOf, watchTree } from './process-watch.ts';
import { filesOf, requestOf } from './workloads.ts';
import type { Workload } from './workloads.ts';

const BUCKET = 'tiles';

/** A part of the whole: seconds of processor time, and the most memory that it had, in MiB. */
interface PartUse {
  readonly cpuSeconds: number;
  readonly peakMebibytes: number;
}

/** What a tileset took that workers rendered. */
export interface QueueRun {
  /** From the start of `seed` until it says that the run is complete; workers were up before. */
  readonly wallSeconds: number;
  readonly written: number;
  readonly bytes: number;
  /** The worker processes and their parent. */
  readonly workers: PartUse;
  readonly redis: PartUse;
  readonly s3: PartUse;
  /** The longest that a worker's event loop was held, and the 99th percentile of the process where that is more. */
  readonly loop: { readonly maxMs: number; readonly p99Ms: number };
}

export interface QueueRunOptions {
  /** For the request. */
  readonly folder: string;
  readonly processes: number;
}

/**
 * Renders a workload with worker processes as they are by default, on a Redis that appends every second to its file, from
 * a STAC API, to an S3 server: all on this machine.
 */
export async function renderOnQueue(workload: Workload, options: QueueRunOptions): Promise<QueueRun> {
  // In the page cache, as for every tool.
  for (const file of filesOf(workload)) await readFile(file);
  const before = await childrenOf(process.pid);
  await using redis = await createOwnRedis({ appendOnly: false });
  const [s3] = await startAll(
    startS3(),
    redis.start().then(() => redis),
  );
  const [redisPid, s3Pid] = await newChildren(before, ['redis-server', 'versitygw']);
  await using stac = await startRustac(workload.items);
  await s3.createBucket(BUCKET);
  const client = createS3Client(s3);
  const look = new Redis(redis.url);
  try {
    await look.config('SET', 'appendonly', 'yes');
    const env = {
      ...redis.env,
      ...s3.env,
      TILEWRIGHT_S3_FORCE_PATH_STYLE: '1',
      TILEWRIGHT_FILE_ROOT: workload.files,
    };
    const args = ['worker', '--processes', String(options.processes), '--metrics', '127.0.0.1:0'];
    await using fleet = startCli(args, { env });
    await until('the workers', () => fleet.stderr().split('"worker ready"').length > options.processes);
    const path = join(options.folder, 'queue-request.json');
    await writeFile(path, JSON.stringify(requestOf(workload, `${stac.url}/search`)));
    // Counted from here on.
    await loopOf(fleet.stderr());
    const parts = [await createPart(fleet.pid), await createPart(redisPid), await createPart(s3Pid)] as const;
    const startedAt = performance.now();
    const output = `s3://${BUCKET}/run`;
    const finished = await runCli(['seed', path, '--output', output, '--wait'], { env });
    const wallSeconds = (performance.now() - startedAt) / 1000;
    assertExit(finished, 0);
    const loop = await loopOf(fleet.stderr());
    const [workers, redisUse, s3Use] = [await parts[0](), await parts[1](), await parts[2]()];
    fleet.kill('SIGTERM');
    await fleet.finished;
    return { wallSeconds, ...(await sumOfObjects(client)), workers, redis: redisUse, s3: s3Use, loop };
  } finally {
    look.disconnect();
    client.destroy();
    await s3[Symbol.asyncDispose]();
  }
}

/** What the workers say of their event loops since they were last asked. @param log - of their parent, with its address */
async function loopOf(log: string): Promise<QueueRun['loop']> {
  const [address] = /http:\/\/\S+\/metrics/.exec(log) ?? [];
  if (address === undefined) throw new Error(`No address of metrics in: ${log.slice(0, 1000)}`);
  const text = await (await fetch(address)).text();
  const longest = (statistic: string): number => {
    const series = text.matchAll(/^tilewright_event_loop_delay_seconds\{(.*)\} (\S+)$/gm);
    const found = [...series].filter(([, labels]) => labels?.includes(`statistic="${statistic}"`) === true);
    return 1000 * Math.max(...found.map(([, , seconds]) => Number(seconds)));
  };
  return { maxMs: longest('max'), p99Ms: longest('p99') };
}

/** Watches a process and those that it started. @returns ends the watch and says what they took */
async function createPart(pid: number): Promise<() => Promise<PartUse>> {
  const watch = watchTree(pid);
  const cpu = async (): Promise<number> => {
    const pids = [pid, ...(await childrenOf(pid))];
    return (await Promise.all(pids.map(cpuSecondsOf))).reduce((sum, seconds) => sum + seconds, 0);
  };
  const before = await cpu();
  return async () => {
    watch.stop();
    return { cpuSeconds: (await cpu()) - before, peakMebibytes: watch.peakMebibytes };
  };
}

/** Children of this process that were not there before, by the names of their programs. */
async function newChildren(before: readonly number[], names: readonly [string, string]): Promise<[number, number]> {
  const found = new Map<string, number>();
  for (const pid of await childrenOf(process.pid)) {
    const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
    if (!before.includes(pid)) found.set(name, pid);
  }
  const pidOf = (name: string): number => {
    const pid = found.get(name);
    if (pid === undefined) throw new Error(`${name} is none of ${[...found.keys()].join(', ')}`);
    return pid;
  };
  return [pidOf(names[0]), pidOf(names[1])];
}

/** Number and bytes of the tiles in the bucket. */
async function sumOfObjects(client: S3Client): Promise<{ readonly written: number; readonly bytes: number }> {
  let token: string | undefined;
  let [written, bytes] = [0, 0];
  do {
    const page = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, ContinuationToken: token }));
    for (const { Key = '', Size = 0 } of page.Contents ?? []) {
      if (!Key.endsWith('.png')) continue;
      written++;
      bytes += Size;
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return { written, bytes };
}

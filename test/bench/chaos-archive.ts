import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { stateChanges } from '../support/append-only-file.ts';
import { findSupervisor } from '../support/chaos.ts';
import type { ChaosWorld } from '../support/chaos-world.ts';
import { assertExit, runCli, startCli, until } from '../support/processes.ts';
import { createRecoveries } from '../support/recoveries.ts';
import type { Recovery } from '../support/recoveries.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

/** Requests that put an archive together, at each of which the process that does so is killed. */
const MOMENTS = [
  { what: 'the assembler, before the upload', matches: /^POST .*\.pmtiles\?uploads/ },
  { what: 'the assembler, before the upload is completed', matches: /^POST .*\.pmtiles\?.*uploadId=/ },
] as const;

/** An archive that was put together by a process that was killed, and another, and another. */
export interface ArchiveOutcome {
  readonly recoveries: readonly Recovery[];
  readonly states: readonly string[];
  /** Uploads of an archive that were completed. */
  readonly completions: number;
  /** Objects that hold an archive. */
  readonly archives: number;
  /** It has the bytes that one undisturbed process writes, but for the metadata, which name the request. */
  readonly isSame: boolean;
}

/** Runs a tileset on the queue into an archive in the bucket, and kills the process that puts it together, twice. */
export async function runArchiveChaos(world: ChaosWorld, count: number): Promise<ArchiveOutcome> {
  const alone = await world.request('alone.pmtiles', 'folder');
  assertExit(await runCli(['render', alone, '--processes', '1'], world), 0);
  const workers = Array.from({ length: count }, () => startWorkerProcess(world));
  const passedBefore = world.s3.passed.length;
  const holds = MOMENTS.map(({ matches }) => world.s3.hold(({ method, path }) => matches.test(`${method} ${path}`)));
  await using seed = startCli(['seed', await world.request('killed/tiles.pmtiles', 's3'), '--wait', '--json'], world);
  try {
    const run = await until('the run', () => /"run":"([^"]+)"/.exec(seed.stdout())?.[1] ?? null);
    const recoveries = createRecoveries(world, run);
    for (const [index, { what }] of MOMENTS.entries()) {
      const release = await holds[index]!;
      const victim = await findSupervisor(world, workers);
      workers[workers.indexOf(victim)] = startWorkerProcess(world);
      await recoveries.kill(what, victim);
      release();
    }
    assertExit(await seed.finished, 0);
    const expected = digestOf(await readFile(join(world.scenes.folder, 'alone.pmtiles')));
    const found = await archivesBelow(world, 'killed/');
    const passed = world.s3.passed.slice(passedBefore);
    return {
      recoveries: await recoveries.all(),
      states: await stateChanges(world.look, world.prefix, run),
      completions: passed.filter(
        ({ method, path, status }) => MOMENTS[1].matches.test(`${method} ${path}`) && status === 200,
      ).length,
      archives: found.length,
      isSame: found.length === 1 && found[0] === expected,
    };
  } finally {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
  }
}

/** Digests of the archives below a prefix. */
async function archivesBelow({ client, bucket }: ChaosWorld, prefix: string): Promise<readonly string[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  const keys = Contents.map(({ Key = '' }) => Key).filter((key) => key.endsWith('.pmtiles'));
  return await Promise.all(
    keys.map(async (Key) => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
      return digestOf(Buffer.from((await Body?.transformToByteArray()) ?? []));
    }),
  );
}

/** SHA-256 of what lies behind the first 16 KiB, which the header and metadata are in: leaf directories and tiles. */
function digestOf(archive: Buffer): string {
  const dataEnd = Number(archive.readBigUInt64LE(56) + archive.readBigUInt64LE(64));
  return createHash('sha256').update(archive.subarray(16_384, dataEnd)).digest('hex');
}

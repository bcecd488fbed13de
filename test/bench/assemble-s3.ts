import { createHash } from 'node:crypto';
import { GetObjectCommand, ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { S3Objects } from '../../src/store/s3-objects.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/processes.ts';
import { startScript } from '../support/run-script.ts';
import { createS3Client } from '../support/s3-objects.ts';
import { startS3 } from '../support/s3.ts';
import { openOutput, metatilesOf, stageTiles } from './assemble-s3-job.ts';
import { printTable } from './measured-run.ts';

const BUCKET = 'bench-assemble';
const OUTPUT = `s3://${BUCKET}/world.pmtiles`;
const TILES = Number(process.env['BENCH_TILES'] ?? 1_000_000);

interface Assembled {
  readonly seconds: number;
  readonly peakMebibytes: number;
  readonly bytes: number;
}

/**
 * Assembles an archive in a bucket by a process of its own: what passes through it, its requests by kind, memory and time;
 * then once more, killed in the middle and gone on with, to the same bytes. Every request goes by way of a proxy that
 * counts it. BENCH_TILES: how many there are, one million by default.
 */
export async function benchAssembleS3(): Promise<void> {
  await using server = await startS3();
  await using proxy = await startFaultProxy(server.endpoint);
  const client = createS3Client(server);
  Object.assign(process.env, server.env);
  await server.createBucket(BUCKET);
  {
    await using store = await openOutput(OUTPUT);
    await stageTiles(store, TILES);
  }
  process.env['AWS_ENDPOINT_URL_S3'] = proxy.url;
  const rows: string[][] = [];
  const first = await assemble(proxy, null);
  const digest = await digestOfArchive(client);
  rows.push(rowOf('undisturbed', first, proxy, 0, digest));
  await removeVersions();
  const from = proxy.passed.length;
  const second = await assemble(proxy, Math.round(from / 2));
  rows.push(rowOf('killed half-way', second, proxy, from, await digestOfArchive(client)));
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
  client.destroy();
  printTable(
    ['run', 'tiles', 'segments', 'archive MB', 'MB sent', 'MB got', 'seconds', 'peak MiB', 'requests', 'SHA-256'],
    rows,
  );
  process.stdout.write(`Uploads left: ${Uploads.length}\n`);
}

/** @param killedAfter - requests; null = it is not */
async function assemble(proxy: FaultProxy, killedAfter: number | null): Promise<Assembled> {
  const args = [OUTPUT, String(TILES)];
  if (killedAfter !== null) {
    const from = proxy.passed.length;
    const { child, finished } = startScript('../bench/assemble-s3-job.ts', args);
    await until('half of the requests', () => proxy.passed.length - from >= killedAfter);
    child.kill('SIGKILL');
    await finished;
  }
  return JSON.parse(await startScript('../bench/assemble-s3-job.ts', args).finished) as Assembled;
}

async function digestOfArchive(client: S3Client): Promise<string> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'world.versions/' }));
  const Key = Contents.map((object) => object.Key ?? '').find((key) => key.endsWith('.pmtiles')) ?? '';
  const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
  const hash = createHash('sha256');
  for await (const chunk of Body as AsyncIterable<Uint8Array>) hash.update(chunk);
  return hash.digest('hex').slice(0, 16);
}

async function removeVersions(): Promise<void> {
  const counters = { writeRequests: 0, bytesWritten: 0 };
  await using objects = new S3Objects({ bucket: BUCKET, prefix: '' }, { forcePathStyle: true, counters });
  const { signal } = new AbortController();
  await objects.deleteAll('world.versions', { signal });
  await objects.delete('world.versions.json', { signal });
}

function rowOf(name: string, made: Assembled, proxy: FaultProxy, from: number, digest: string): string[] {
  const passed = proxy.passed.slice(from);
  const kinds = new Map<string, number>();
  for (const request of passed) kinds.set(kindOf(request), (kinds.get(kindOf(request)) ?? 0) + 1);
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const sum = (pick: (request: (typeof passed)[number]) => number): number =>
    passed.reduce((total, request) => total + pick(request), 0);
  return [
    name,
    String(TILES),
    String(metatilesOf(TILES)),
    megabytes(made.bytes),
    megabytes(sum(({ sentBytes }) => sentBytes)),
    megabytes(sum(({ gotBytes }) => gotBytes)),
    made.seconds.toFixed(1),
    made.peakMebibytes.toFixed(0),
    [...kinds].map(([kind, count]) => `${count} ${kind}`).join(', '),
    digest,
  ];
}

function kindOf({ method, path, isCopy }: FaultProxy['passed'][number]): string {
  if (path.includes('partNumber=')) return isCopy ? 'parts copied' : 'parts sent';
  if (path.includes('uploadId='))
    return method === 'POST' ? 'completions' : method === 'GET' ? 'part listings' : 'ends';
  if (path.includes('uploads')) return method === 'POST' ? 'uploads' : 'upload listings';
  if (path.includes('list-type=')) return 'listings';
  return { GET: 'reads', PUT: 'puts', HEAD: 'heads', DELETE: 'deletions' }[method] ?? method;
}

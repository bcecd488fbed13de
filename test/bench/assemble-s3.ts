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
import type { S3Server } from '../support/s3.ts';
import { openOutput, metatilesOf, stageTiles } from './assemble-s3-job.ts';
import type { MadeTileset } from './assemble-s3-job.ts';
import { printTable } from './measured-run.ts';

const BUCKET = 'bench-assemble';
const TILES = Number(process.env['BENCH_TILES'] ?? 1_000_000);
const TILE_BYTES = Number(process.env['BENCH_TILE_BYTES'] ?? 4_100);

/** Of metatiles so large that their segments are copied by the server. */
const LARGE: MadeTileset = {
  output: `s3://${BUCKET}/world.pmtiles`,
  tiles: TILES,
  side: 64,
  generation: 1,
  tileBytes: TILE_BYTES,
};
/** Of metatiles as they are rendered; an update renders whole ones. */
const SMALL: MadeTileset = { ...LARGE, output: `s3://${BUCKET}/updated.pmtiles`, side: 16 };
/** Metatiles that an update renders. */
const SHARE_CHANGED = 1 / 1000;

const HEAD = ['run', 'tiles', 'staged', 'archive MB', 'MB sent', 'MB got', 'both, %', 'seconds', 'peak MiB'];

interface Assembled {
  readonly seconds: number;
  readonly peakMebibytes: number;
  readonly bytes: number;
  readonly passed: FaultProxy['passed'];
}

/**
 * Assembles an archive in a bucket by a process of its own: what passes through it, its requests by kind, memory and time;
 * then once more, killed in the middle and gone on with, to the same bytes; then an archive of small metatiles, and updates
 * of it in which 0.1 % of them have changed. Every request goes by way of a proxy that counts it.
 *
 * BENCH_TILES: how many there are, one million by default. BENCH_TILE_BYTES: of each, 4,100 by default. BENCH_ASSEMBLE:
 * what the names of the parts to do begin with, `whole` or `update`; by default both.
 */
export async function benchAssembleS3(): Promise<void> {
  await using server = await startS3();
  await using proxy = await startFaultProxy(server.endpoint);
  const client = createS3Client(server);
  Object.assign(process.env, server.env);
  await server.createBucket(BUCKET);
  const rows: string[][] = [];
  const isWanted = (part: string): boolean => part.startsWith(process.env['BENCH_ASSEMBLE'] ?? '');
  if (isWanted('whole')) rows.push(...(await benchWhole(server, proxy, client)));
  if (isWanted('update')) rows.push(...(await benchUpdates(server, proxy, client)));
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
  client.destroy();
  printTable([...HEAD, 'requests', 'SHA-256'], rows);
  process.stdout.write(`Uploads left: ${Uploads.length}\n`);
}

async function benchWhole(server: S3Server, proxy: FaultProxy, client: S3Client): Promise<string[][]> {
  await stage(server, LARGE, Array(metatilesOf(LARGE)).keys());
  const first = await assemble(LARGE, proxy, null);
  const rows = [rowOf('undisturbed', LARGE, metatilesOf(LARGE), first, await digestOfArchive(client, LARGE))];
  await removeVersions(server);
  const second = await assemble(LARGE, proxy, Math.round(first.passed.length / 2));
  rows.push(rowOf('killed half-way', LARGE, metatilesOf(LARGE), second, await digestOfArchive(client, LARGE)));
  return rows;
}

async function benchUpdates(server: S3Server, proxy: FaultProxy, client: S3Client): Promise<string[][]> {
  const count = metatilesOf(SMALL);
  const across = 1024 / SMALL.side;
  const changed = Math.max(1, Math.round(count * SHARE_CHANGED));
  const side = Math.ceil(Math.sqrt(changed));
  // Not where the curve happens to go through it at once.
  const corner = Math.floor(Math.ceil(count / across) / 3) * across + Math.floor(across / 3);
  const updates = [
    ['update, an area', (n: number) => corner + (n % side) + Math.floor(n / side) * across],
    ['update, scattered', (n: number) => Math.floor(((n + 0.5) * count) / changed)],
  ] as const;
  await stage(server, SMALL, Array(count).keys());
  const first = await assemble(SMALL, proxy, null);
  const rows = [rowOf('small metatiles', SMALL, count, first, await digestOfArchive(client, SMALL))];
  for (const [index, [name, indexOf]] of updates.entries()) {
    const made = { ...SMALL, generation: index + 2 };
    await stage(
      server,
      made,
      Array.from({ length: changed }, (_, n) => indexOf(n)),
    );
    const update = await assemble(made, proxy, null);
    rows.push(rowOf(name, made, changed, update, await digestOfArchive(client, made)));
  }
  return rows;
}

/** In place of what is staged, past the proxy. */
async function stage(server: S3Server, made: MadeTileset, indices: Iterable<number>): Promise<void> {
  process.env['AWS_ENDPOINT_URL_S3'] = server.endpoint;
  await using store = await openOutput(made.output);
  await store.deleteStaged({ keepParts: true, signal: new AbortController().signal });
  await stageTiles(store, made, indices);
}

/** @param killedAfter - requests; null = it is not */
async function assemble(made: MadeTileset, proxy: FaultProxy, killedAfter: number | null): Promise<Assembled> {
  process.env['AWS_ENDPOINT_URL_S3'] = proxy.url;
  const args = [JSON.stringify(made)];
  const from = proxy.passed.length;
  if (killedAfter !== null) {
    const { child, finished } = startScript('../bench/assemble-s3-job.ts', args);
    await until('half of the requests', () => proxy.passed.length - from >= killedAfter);
    child.kill('SIGKILL');
    await finished;
  }
  const told = JSON.parse(await startScript('../bench/assemble-s3-job.ts', args).finished) as Omit<Assembled, 'passed'>;
  return { ...told, passed: proxy.passed.slice(from) };
}

async function digestOfArchive(client: S3Client, { output, generation }: MadeTileset): Promise<string> {
  const folder = output.replace(`s3://${BUCKET}/`, '').replace('.pmtiles', '.versions/');
  const found = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: `${folder}${generation}-` }));
  const Key = (found.Contents ?? []).map((object) => object.Key ?? '').find((key) => key.endsWith('.pmtiles')) ?? '';
  const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
  const hash = createHash('sha256');
  for await (const chunk of Body as AsyncIterable<Uint8Array>) hash.update(chunk);
  return hash.digest('hex').slice(0, 16);
}

async function removeVersions(server: S3Server): Promise<void> {
  process.env['AWS_ENDPOINT_URL_S3'] = server.endpoint;
  const counters = { writeRequests: 0, bytesWritten: 0 };
  await using objects = new S3Objects({ bucket: BUCKET, prefix: '' }, { forcePathStyle: true, counters });
  const { signal } = new AbortController();
  await objects.deleteAll('world.versions', { signal });
  await objects.delete('world.versions.json', { signal });
}

function rowOf(name: string, { tiles }: MadeTileset, staged: number, made: Assembled, digest: string): string[] {
  const { passed, bytes, seconds, peakMebibytes } = made;
  const kinds = new Map<string, number>();
  for (const request of passed) kinds.set(kindOf(request), (kinds.get(kindOf(request)) ?? 0) + 1);
  const megabytes = (count: number): string => (count / 1e6).toFixed(1);
  const [sent, got] = (['sentBytes', 'gotBytes'] as const).map((key) =>
    passed.reduce((total, request) => total + request[key], 0),
  ) as [number, number];
  return [
    name,
    String(tiles),
    String(staged),
    megabytes(bytes),
    megabytes(sent),
    megabytes(got),
    (((sent + got) / bytes) * 100).toFixed(2),
    seconds.toFixed(1),
    peakMebibytes.toFixed(0),
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

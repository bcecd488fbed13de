import { readFile, writeFile } from 'node:fs/promises';
import { ArchiveReader } from '../../src/store/pmtiles/archive-reader.ts';
import { ArchiveWriter } from '../../src/store/pmtiles/archive-writer.ts';
import type { ArchiveSink } from '../../src/store/pmtiles/archive-writer.ts';
import { assembleArchive } from '../../src/store/pmtiles/assemble-archive.ts';
import type { BaselineArchive } from '../../src/store/pmtiles/assemble-archive.ts';
import { EntryLog } from '../../src/store/pmtiles/entry-log.ts';
import { GatheredTiles } from '../../src/store/pmtiles/gathered-tiles.ts';
import { layOutDirectories } from '../../src/store/pmtiles/lay-out-directories.ts';
import { Spill } from '../../src/store/pmtiles/spill.ts';
import { DESCRIPTION, memoryRangeSource } from '../support/memory-archive.ts';

/** What a process is to measure; its own peak of memory is then that of this alone. */
export interface DirectoriesCase {
  readonly kind: 'directories' | 'assemble';
  readonly tiles: number;
  /** Bytes that may be kept; null = no limit. */
  readonly memoryBytes: number | null;
  /** Archive of before, without its tile data, of which one metatile in a thousand is new. */
  readonly before: string | null;
  /** Where the archive is kept, without its tile data. */
  readonly keep: string | null;
}

export interface MeasuredDirectories {
  readonly ms: number;
  /** Of the directories. */
  readonly bytes: number;
  /** Peak of resident memory above that of the process at its beginning. */
  readonly memory: number;
  readonly copies: number;
}

const { signal } = new AbortController();

/** The first tile ID of zoom 13, which has 67 million tiles. */
const FIRST_ID = (4 ** 13 - 1) / 3;
const TILES_OF_METATILE = 64;

/** Lengths of tiles of imagery: about normal around 20 KB, the same in every run. */
function createLengths(): () => number {
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff) / 0x7fffffff;
  return () => 5_000 + Math.floor((next() + next() + next()) * 10_000);
}

/** Keeps what comes before and behind the tiles, and counts the rest. */
class CountingSink implements ArchiveSink<unknown> {
  copies = 0;
  writtenBytes = 0;
  data = 0;
  head: Uint8Array = new Uint8Array();
  tail: readonly Uint8Array[] = [];

  async write(bytes: Uint8Array): Promise<void> {
    this.writtenBytes += bytes.length;
    await Promise.resolve();
  }

  async copy(_place: unknown, length: number): Promise<void> {
    this.copies++;
    this.data += length;
    await Promise.resolve();
  }

  async finish(head: Uint8Array, tail: readonly Uint8Array[]): Promise<void> {
    [this.head, this.tail] = [head, tail];
    await Promise.resolve();
  }
}

async function directoriesAlone({ tiles }: DirectoriesCase): Promise<Omit<MeasuredDirectories, 'memory'>> {
  using spill = new Spill({ memoryBytes: Infinity });
  const entries = new EntryLog(spill);
  const lengthOf = createLengths();
  for (let n = 0, offset = 0; n < tiles; n++) {
    const length = lengthOf();
    entries.push(FIRST_ID + n, offset, length, 1);
    offset += length;
  }
  const started = performance.now();
  const { root, leaves } = await layOutDirectories(entries, spill);
  return { ms: performance.now() - started, bytes: root.length + leaves.bytes, copies: 0 };
}

async function assembling({
  tiles,
  memoryBytes,
  before,
  keep,
}: DirectoriesCase): Promise<Omit<MeasuredDirectories, 'memory'>> {
  using spill = new Spill({ memoryBytes: memoryBytes ?? Infinity });
  const started = performance.now();
  const gathered = new GatheredTiles(spill);
  const lengthOf = createLengths();
  for (let n = 0, place = 0; n < tiles; n++) {
    if (n % TILES_OF_METATILE === 0) place = 0;
    const length = lengthOf();
    const metatile = Math.floor(n / TILES_OF_METATILE);
    if (before === null || metatile % 1_000 === 500) gathered.runs.add('large', metatile, FIRST_ID + n, length, place);
    place += length;
  }
  const sink = new CountingSink();
  const options = {
    baseline: before === null ? null : await openBefore(before),
    segmentPath: (metatile: number) => `segments/${metatile}`,
    expected: tiles,
    signal,
  };
  const { header } = await assembleArchive(gathered, new ArchiveWriter(sink, { spill }), DESCRIPTION, options);
  const ms = performance.now() - started;
  if (keep !== null) await writeFile(keep, Buffer.concat([sink.head, ...sink.tail]));
  return { ms, bytes: header.root.length + header.leaves.length, copies: sink.copies };
}

async function openBefore(path: string): Promise<BaselineArchive> {
  const kept = await readFile(path);
  // What comes behind the tiles follows the head.
  const start = Number(kept.readBigUInt64LE(56) + kept.readBigUInt64LE(64));
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const at = offset < start ? offset : offset - start + 16_384;
    return await Promise.resolve(kept.subarray(at, at + length));
  };
  const reader = await ArchiveReader.open({ ...memoryRangeSource(kept), read }, { signal });
  const records = async function* (): AsyncGenerator<never> {};
  return { path: 'before', reader, records, keepsUnstaged: true };
}

const wanted = JSON.parse(process.argv[2] ?? '') as DirectoriesCase;
const first = process.memoryUsage().rss;
const found = await (wanted.kind === 'assemble' ? assembling(wanted) : directoriesAlone(wanted));
const measured: MeasuredDirectories = { ...found, memory: process.resourceUsage().maxRSS * 1024 - first };
process.stdout.write(JSON.stringify(measured));

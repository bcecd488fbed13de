import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rollbackCommand } from '../../../../jobs/commands/rollback.ts';
import { versionsCommand } from '../../../../jobs/commands/versions.ts';
import type { Command } from '../../../../jobs/command-line.ts';
import { parseCommandLine } from '../../../../jobs/command-line.ts';
import { createIoCounters } from '../../../../src/observe.ts';
import { openTileStore } from '../../../../src/store/open-store.ts';
import type { TileStore } from '../../../../src/store/tile-store.ts';
import { createTileJson, tileJsonToText } from '../../../../src/store/tilejson.ts';
import { finishedRun, madeMetatiles, wholeRun } from '../../../support/archive-runs.ts';

const NEVER = { signal: new AbortController().signal };
const METATILES = 3;

let folder: string;
let output: string;
let ids: readonly string[];

async function openOutput(): Promise<TileStore> {
  const options = { extension: 'png', contentType: 'image/png', counters: createIoCounters() };
  return await openTileStore(output, options, NEVER);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'versions-command-'));
  output = join(folder, 'world.pmtiles');
  await using store = await openOutput();
  const made: string[] = [];
  for (const generation of [1, 2, 3]) {
    const metatiles = madeMetatiles(METATILES, generation);
    made.push((await wholeRun(store, metatiles, finishedRun(generation, METATILES), NEVER)).id);
  }
  ids = made;
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function run(command: Command, ...argv: readonly string[]) {
  const [printed, told]: [string[], string[]] = [[], []];
  const context = {
    env: {},
    cwd: folder,
    print: (text: string) => void printed.push(text),
    stderr: { write: (text: string) => void told.push(text), isTTY: false, columns: 80 },
    signal: NEVER.signal,
  };
  const code = await command.run(context, parseCommandLine(command, argv));
  return { code, printed, told: told.join('') };
}

describe('versions', { timeout: 60_000 }, () => {
  test('lists those that are kept, and marks the one that is read', async () => {
    const { code, printed } = await run(versionsCommand, 'world.pmtiles');
    expect(code).toBe(0);
    expect(printed.map((line) => line.slice(0, 12))).toStrictEqual([`* ${ids[2]}`, `  ${ids[1]}`, `  ${ids[0]}`]);
    expect(printed[0]).toMatch(/ {2}9 tiles, 3 empty, .*; 3 metatiles of the request hash$/);
  });

  test('as JSON, a line each', async () => {
    const { printed } = await run(versionsCommand, output, '--json');
    const lines = printed.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ id, current }) => [id, current])).toStrictEqual([
      [ids[2], true],
      [ids[1], false],
      [ids[0], false],
    ]);
    expect(lines[1]).toMatchObject({
      event: 'version',
      generation: 2,
      archive: `world.versions/${ids[1]}.pmtiles`,
      records: `world.versions/${ids[1]}.records.gz`,
      metatiles: METATILES,
      tiles: 9,
    });
  });

  test('of what has none says so', async () => {
    await writeFile(join(folder, 'other.pmtiles'), '');
    const { code, printed, told } = await run(versionsCommand, 'other.pmtiles');
    expect([code, printed]).toStrictEqual([0, []]);
    expect(told).toMatch(/other.pmtiles has no versions/);
  });
});

describe('rollback', { timeout: 60_000 }, () => {
  async function current(): Promise<string | undefined> {
    await using store = await openOutput();
    return (await store.versions(NEVER))?.current;
  }

  test('goes to the version before, again and again, and then no further', async () => {
    expect((await run(rollbackCommand, 'world.pmtiles')).printed).toStrictEqual([`rolled back to ${ids[1]}`]);
    expect(await current()).toBe(ids[1]);
    const { printed } = await run(rollbackCommand, output, '--json');
    const archive = `world.versions/${ids[0]}.pmtiles`;
    expect(printed.map((line) => JSON.parse(line) as unknown)).toStrictEqual([
      { event: 'rolledBack', version: ids[0], archive, stale: [] },
    ]);
    await expect(run(rollbackCommand, output)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect((await readFile(output)).equals(await readFile(join(folder, archive)))).toBe(true);
  });

  test('goes to the version that is named, also forward, and refuses one that is not kept', async () => {
    await run(rollbackCommand, output, '--to', ids[0]!);
    expect(await current()).toBe(ids[0]);
    await run(rollbackCommand, output, '--to', ids[2]!);
    expect(await current()).toBe(ids[2]);
    await expect(run(rollbackCommand, output, '--to', '9-00000000')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect(await current()).toBe(ids[2]);
  });

  test('has TileJSON and style name the version, and tells of what it cannot describe', async () => {
    const tiles = `pmtiles://https://example.test/maps/world.versions/${ids[2]}.pmtiles/{z}/{x}/{y}`;
    const described = {
      name: 'w',
      minzoom: 5,
      maxzoom: 5,
      bbox: [0, 0, 1, 1],
      extension: 'png',
      tileSize: 256,
    } as const;
    const text = tileJsonToText(createTileJson({ ...described, tiles, version: `1.3.0+${ids[2]}` }));
    await writeFile(join(folder, 'world.tilejson.json'), text);
    await writeFile(join(folder, 'world.item.json'), '{}');
    const { told } = await run(rollbackCommand, output);
    const expected = text.replaceAll(ids[2]!, ids[1]!).replace('1.3.0', '1.2.0');
    expect(await readFile(join(folder, 'world.tilejson.json'), 'utf8')).toBe(expected);
    const style = await readFile(join(folder, 'world.style.json'), 'utf8');
    expect(style).toContain(`world.versions/${ids[1]}.pmtiles/{z}`);
    expect(told).toBe('item.json still describes another version: rollback with the request writes it anew\n');
  });

  test('of tiles that are objects of their own is refused', async () => {
    output = join(folder, 'tiles');
    await using store = await openOutput();
    await wholeRun(store, madeMetatiles(1, 1), finishedRun(1, 1), NEVER);
    const { printed } = await run(versionsCommand, 'tiles');
    expect(printed).toHaveLength(1);
    await expect(run(rollbackCommand, output, '--to', printed[0]!.slice(2, 12))).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringContaining('its tiles are in place'),
    });
  });
});

import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, runCli, startCli } from '../support/processes.ts';
import type { Running } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import { startAll } from '../support/server-process.ts';
import { SCENES, startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';
import { countDirty, digestOf, leftIn, planIn, summaryOf, tilesIn } from '../support/updates.ts';
import type { UpdateSummary } from '../support/updates.ts';

type Engine = 'render' | 'seed';
type Fields = Readonly<Record<string, unknown>>;

const ENGINES: readonly Engine[] = ['render', 'seed'];
const ALL = SCENES.map(({ id }) => id);
const WITHOUT = ALL.filter((id) => id !== 'south-east');
/** Zooms 3 and 4 are made of parts that the metatiles of zoom 5 hand on, and zooms 1 and 2 of theirs. */
const CHAIN = { minzoom: 1, maxzoom: 6, sourceMinzoom: 5, metatileSize: 2 } as const;

let world: SmallWorld;
let redis: RedisServer;
let workers: Running;
let base: UpdateSummary | null = null;

beforeAll(async () => {
  [world, redis] = await startAll(startSmallWorld(), startRedis());
  workers = startCli(['worker', '--processes', '2'], { env: redis.env });
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  workers.kill('SIGTERM');
  assertExit(await workers.finished, 0);
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

beforeEach(() => world.restore());

function out(name: string): string {
  return join(world.folder, name);
}

/** Renders a request to an output, on one of the engines. */
async function make(engine: Engine, output: string, fields: Fields, flags: readonly string[] = []) {
  const request = await world.request({ ...fields, output });
  const waiting = engine === 'seed' ? ['--wait'] : [];
  return await runCli([engine, request, '--json', ...waiting, ...flags], { env: engine === 'seed' ? redis.env : {} });
}

async function made(engine: Engine, output: string, fields: Fields, flags: readonly string[] = []) {
  const finished = await make(engine, output, fields, flags);
  assertExit(finished, 0);
  return summaryOf(finished.stdout);
}

/** What updates begin with. A folder that was rendered is copied, as it would be the same each time. */
async function begun(engine: Engine, output: string): Promise<UpdateSummary> {
  if (engine === 'seed') return await made(engine, output, CHAIN, ['--keep-parts']);
  base ??= await made(engine, 'base', CHAIN, ['--keep-parts']);
  await cp(out('base'), out(output), { recursive: true });
  return base;
}

/** Outputs of full renders, by what they were made of. */
const fresh = new Map<string, string>();

/** Where a full render of the catalog as it is lies, which nothing was rendered to before. @param ending - of its name */
async function freshOutput(fields: Fields, ending = ''): Promise<string> {
  const key = JSON.stringify([fields, ending, world.content()]);
  const output = fresh.get(key) ?? `fresh-${fresh.size}${ending}`;
  if (!fresh.has(key)) await made('render', output, fields, ['--processes', '1']);
  fresh.set(key, output);
  return out(output);
}

const freshTiles = async (fields: Fields): Promise<readonly string[]> => await tilesIn(await freshOutput(fields));

const update = async (engine: Engine, output: string, fields: Fields): Promise<UpdateSummary> =>
  await made(engine, output, fields, ['--update', '--keep-parts']);

const renderedOf = ({ metatiles, unchanged = 0 }: UpdateSummary): number => metatiles - unchanged;

describe.each(ENGINES)('an update by %s', (engine) => {
  test('renders what a scene has to do with that is withdrawn, and again when it is back', async () => {
    const output = `withdrawn-${engine}`;
    const first = await begun(engine, output);
    expect(first.unchanged).toBeUndefined();
    const before = await tilesIn(out(output));
    const plan = await planIn(out(output));
    const dirty = countDirty(plan, ['south-east']);
    expect(dirty).toBeGreaterThan(3);
    expect(dirty).toBeLessThan(first.metatiles);

    world.serveScenes(WITHOUT);
    const searches = world.stac.searches.length;
    const second = await update(engine, output, CHAIN);
    expect(renderedOf(second)).toBe(dirty);
    expect(second).toMatchObject({ total: first.total, metatiles: first.metatiles, failed: 0 });
    expect(second.rendered + second.empty).toBe(second.total);
    // No more than one for each metatile that is rendered from scenes.
    expect(world.stac.searches.length - searches).toBeLessThan(second.metatiles);
    expect(second.version).toMatch(/^2-[0-9a-f]{8}$/);
    const after = await tilesIn(out(output));
    expect(after).toStrictEqual(await freshTiles(CHAIN));
    expect(after).not.toStrictEqual(before);

    world.serveScenes(ALL);
    const third = await update(engine, output, CHAIN);
    expect(renderedOf(third)).toBe(dirty);
    expect(await tilesIn(out(output))).toStrictEqual(before);
    expect(await leftIn(out(output), 'segments')).toStrictEqual([]);
  });

  test('that finds nothing changed reads no block, writes no tile and makes no version', async () => {
    const output = `same-${engine}`;
    const first = await begun(engine, output);
    const same = await update(engine, output, CHAIN);
    expect(same).toMatchObject({ unchanged: first.metatiles, rendered: first.rendered, version: first.version });
    // Files are looked at once in each process, not read.
    expect(same.io.readRequests).toBeLessThanOrEqual(2 * SCENES.length * 2);
    const again = await update(engine, output, CHAIN);
    expect(again).toMatchObject({ unchanged: first.metatiles, version: first.version });
    expect(await tilesIn(out(output))).toStrictEqual(await freshTiles(CHAIN));
    expect((await runCli([engine, await world.request({ ...CHAIN, output })], { env: redis.env })).stdout).toMatch(
      /^complete already/,
    );
  });

  test('renders what a file has to do with that has changed behind its item', async () => {
    const output = `changed-${engine}`;
    await begun(engine, output);
    const plan = await planIn(out(output));
    world.changeScene('north-west');
    const second = await update(engine, output, CHAIN);
    expect(renderedOf(second)).toBeLessThanOrEqual(countDirty(plan, ['north-west']));
    expect(renderedOf(second)).toBeGreaterThan(0);
    expect(await tilesIn(out(output))).toStrictEqual(await freshTiles(CHAIN));
  });

  test('without what was handed on renders that again, and just that besides', async () => {
    const output = `parts-${engine}`;
    const first = await made(engine, output, CHAIN);
    expect(await leftIn(out(output), 'parts')).toStrictEqual([]);
    world.serveScenes(WITHOUT);
    const second = await update(engine, output, CHAIN);
    const plan = await planIn(out(output));
    const handsOn = [...plan.works()].filter(({ handedOn }) => handedOn !== null).length;
    expect(renderedOf(second)).toBeGreaterThanOrEqual(handsOn);
    expect(renderedOf(second)).toBeLessThan(first.metatiles);
    expect(await tilesIn(out(output))).toStrictEqual(await freshTiles(CHAIN));
    expect((await leftIn(out(output), 'parts')).length).toBe(handsOn);
  });

  test('by another style renders everything, by another area what that changes', async () => {
    const output = `request-${engine}`;
    const first = await begun(engine, output);
    const style = { ...CHAIN, resampling: 'bilinear' };
    expect(renderedOf(await update(engine, output, style))).toBe(first.metatiles);
    expect(await tilesIn(out(output))).toStrictEqual(await freshTiles(style));

    const area = { ...style, area: { bbox: [-15, -15, 25, 60] } };
    const smaller = await update(engine, output, area);
    expect(renderedOf(smaller)).toBeLessThan(smaller.metatiles);
    expect(await tilesIn(out(output))).toStrictEqual(await freshTiles(area));

    const zooms = { ...style, maxzoom: 5 };
    expect(renderedOf(await update(engine, output, zooms))).toBeGreaterThan(0);
    expect(await tilesIn(out(output))).toStrictEqual(await freshTiles(zooms));
  });

  test('of an archive gives the bytes of one that is rendered anew', async () => {
    const output = `archive-${engine}.pmtiles`;
    const first = await made(engine, output, CHAIN, ['--keep-parts']);
    const before = await digestOf(out(output));
    world.serveScenes(WITHOUT);
    const second = await update(engine, output, CHAIN);
    expect(second.unchanged).toBeGreaterThan(0);
    expect(second.unchanged).toBeLessThan(first.metatiles);
    expect(await digestOf(out(output))).toBe(await digestOf(await freshOutput(CHAIN, '.pmtiles')));
    expect(await digestOf(out(output))).not.toBe(before);
    world.serveScenes(ALL);
    await update(engine, output, CHAIN);
    expect(await digestOf(out(output))).toBe(before);
  });

  test('that fails is taken up with what failed; nothing is published before', async () => {
    const output = `failed-${engine}`;
    await begun(engine, output);
    world.changeScene('south-west');
    world.breakScenes(['south-west'], 404);
    const failed = await make(engine, output, CHAIN, ['--update', '--keep-parts']);
    assertExit(failed, 3);
    expect(summaryOf(failed.stdout)).toMatchObject({ state: 'failed' });
    expect(summaryOf(failed.stdout).version).toBeUndefined();
    world.breakScenes([], 0);
    // The same as `retry`, also without --update: what is unfinished is continued as what it is.
    const healed = await made(engine, output, CHAIN);
    expect(healed).toMatchObject({ run: summaryOf(failed.stdout).run, state: 'complete', failed: 0 });
    expect(healed.version).toMatch(/^2-/);
    expect(await tilesIn(out(output))).toStrictEqual(await freshTiles(CHAIN));
    expect((await update(engine, output, CHAIN)).unchanged).toBe(healed.metatiles);
  });
});

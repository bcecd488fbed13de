import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { STAGES } from '../../src/observe.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, childrenOf, isAlive, runCli, startCli, until } from '../support/processes.ts';
import type { Running } from '../support/processes.ts';
import { createOwnRedis, startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import { startAll } from '../support/server-process.ts';
import { startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

let world: SmallWorld;
let redis: RedisServer;
let env: Readonly<Record<string, string>>;
let folder: string;
let outputs = 0;

beforeAll(async () => {
  [world, redis] = await startAll(startSmallWorld(), startRedis());
  folder = await mkdtemp(join(tmpdir(), 'tilewright-metrics-'));
}, INSTALL_TIMEOUT_MS);

beforeEach(() => {
  world.restore();
  env = {
    ...redis.env,
    TILEWRIGHT_QUEUE_PREFIX: `${redis.env['TILEWRIGHT_QUEUE_PREFIX']}-${outputs++}`,
  };
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** A fleet that answers at a free port, once it says where. */
async function startFleet(
  processes: number,
  variables: Readonly<Record<string, string>> = {},
): Promise<{ readonly fleet: Running; readonly url: string } & AsyncDisposable> {
  const fleet = startCli(['worker', '--processes', String(processes), '--metrics', '127.0.0.1:0'], {
    env: { ...env, ...variables },
  });
  const url = await until('the address of the metrics', () => {
    return /metrics at (http:\S+)\/metrics/.exec(fleet.stderr())?.[1] ?? null;
  });
  return { fleet, url, [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose]() };
}

async function ask(url: string, init: RequestInit = {}): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) }).catch(() => null);
  return answer === null ? { status: 0, text: '' } : { status: answer.status, text: await answer.text() };
}

async function untilStatus(url: string, status: number): Promise<string> {
  return await until(`${status} at ${url}`, async () => {
    const answer = await ask(url);
    return answer.status === status ? answer.text : null;
  });
}

/** Values of the series of a metric by their labels, as they are written. */
function seriesOf(text: string, name: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').map((line) => /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line));
  return new Map(lines.flatMap((found) => (found?.[1] === name ? [[found[2] ?? '', Number(found[3])] as const] : [])));
}

/** Sum of the series of a metric whose labels contain some text. */
function sumOf(text: string, name: string, labels = ''): number {
  return [...seriesOf(text, name)].reduce((sum, [label, value]) => sum + (label.includes(labels) ? value : 0), 0);
}

/** The metrics of a fleet, once just so many processes have answered in time. */
async function untilMetrics(url: string, processes: number): Promise<string> {
  return await until(`the metrics of ${processes} processes`, async () => {
    const { text } = await ask(`${url}/metrics`);
    return seriesOf(text, 'process_resident_memory_bytes').size === processes ? text : null;
  });
}

/** Lines of a log that are JSON. */
function linesOf(log: string): readonly Readonly<Record<string, unknown>>[] {
  const lines = log.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

async function seed(fields: Readonly<Record<string, unknown>> = {}): Promise<Readonly<Record<string, unknown>>> {
  return (await seedAll(fields)).at(-1) ?? {};
}

/** What a run says of itself, up to its summary. */
async function seedAll(fields: Readonly<Record<string, unknown>>): Promise<ReturnType<typeof linesOf>> {
  const request = await world.request({ output: `metrics-${outputs++}`, ...fields });
  const { stdout } = await runCli(['seed', request, '--wait', '--json'], { env });
  return linesOf(stdout);
}

describe('the metrics of a fleet', () => {
  test('one server answers for all processes, and what it counts is what the run came to', async () => {
    await using started = await startFleet(2);
    const { url } = started;
    await untilStatus(`${url}/readyz`, 200);
    expect(await untilStatus(`${url}/healthz`, 200)).toBe('ok\n');
    const summary = await seed();
    const text = await untilMetrics(url, 2);
    expect(seriesOf(text, 'tilewright_worker_processes').get('state="ready"')).toBe(2);
    const unmeasured = STAGES.filter((stage) => {
      const [count, sum] = ['count', 'sum'].map((name) => sumOf(text, `tilewright_stage_seconds_${name}`, stage));
      return !(count! > 0 && sum! > 0);
    });
    expect(unmeasured).toStrictEqual([]);
    expect(sumOf(text, 'tilewright_tiles_total', 'rendered')).toBe(summary['rendered']);
    expect(sumOf(text, 'tilewright_tiles_total', 'empty')).toBe(summary['empty']);
    expect(sumOf(text, 'tilewright_metatiles_total', 'done')).toBe(summary['metatiles']);
    expect(sumOf(text, 'tilewright_stage_seconds_count', 'upload')).toBe(summary['rendered']);
    expect(sumOf(text, 'tilewright_metatiles_total', 'retried')).toBe(0);
    expect(sumOf(text, 'tilewright_metatiles_under_way')).toBe(0);
    expect(sumOf(text, 'tilewright_blocks_decoded_total')).toBe(
      sumOf(text, 'tilewright_stage_seconds_count', 'stage="decode"'),
    );
    const counters = ['read_bytes', 'read_requests', 'written_bytes', 'searches'];
    expect(counters.filter((name) => !(sumOf(text, `tilewright_${name}_total`) > 0))).toStrictEqual([]);
    const gauges = ['process_resident_memory_bytes', 'tilewright_redis_connected'].map((name) => seriesOf(text, name));
    for (const gauge of gauges) expect([...gauge.keys()].sort()).toStrictEqual(['process="0"', 'process="1"']);
    expect([...seriesOf(text, 'tilewright_event_loop_delay_seconds').keys()]).toHaveLength(4);
    // Every metric is explained once, however many processes have it.
    const helps = text.split('\n').filter((line) => line.startsWith('# HELP'));
    expect(new Set(helps).size).toBe(helps.length);
  });

  test('only GET and HEAD, and only what there is', async () => {
    await using started = await startFleet(1);
    const { url } = started;
    expect((await ask(`${url}/metrics`, { method: 'POST', body: 'x'.repeat(100_000) })).status).toBe(405);
    expect(await ask(`${url}/metrics`, { method: 'HEAD' })).toStrictEqual({ status: 200, text: '' });
    expect((await ask(`${url}/metrics?name=value`)).status).toBe(200);
    expect((await ask(`${url}/`)).status).toBe(404);
    expect((await ask(`${url}/metrics/../../etc/passwd`)).status).toBe(404);
  });

  test('an address that is taken, or none, is said, with exit code 2', async () => {
    const taken: Server = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const inUse = await runCli(['worker', '--metrics', `127.0.0.1:${port}`], { env });
    expect([inUse.code, inUse.stderr]).toStrictEqual([2, expect.stringContaining('the port is in use') as string]);
    taken.close();
    for (const address of ['127.0.0.1', '127.0.0.1:99999', '192.0.2.1:9100']) {
      const { code, stderr } = await runCli(['worker', '--metrics', address], { env });
      expect([code, stderr]).toStrictEqual([2, expect.stringContaining('CONFIG_INVALID') as string]);
    }
  });

  test('a process that dies or is stopped makes the fleet unwell until it is back', async () => {
    await using started = await startFleet(2, { TILEWRIGHT_HANG_MS: '60000' });
    const { fleet, url } = started;
    await untilStatus(`${url}/readyz`, 200);
    const [first = 0, second = 0] = await childrenOf(fleet.pid);
    process.kill(first, 'SIGKILL');
    expect(await untilStatus(`${url}/readyz`, 503)).toMatch(/^worker [01] /);
    await untilStatus(`${url}/readyz`, 200);
    expect(sumOf((await ask(`${url}/metrics`)).text, 'tilewright_worker_ends_total', 'died')).toBe(1);
    process.kill(second, 'SIGSTOP');
    expect(await untilStatus(`${url}/healthz`, 503)).toContain(`(process ${second}) has given no sign of life for`);
    // What is left out of the metrics does not hold up the others.
    await untilMetrics(url, 1);
    process.kill(second, 'SIGCONT');
    await untilStatus(`${url}/healthz`, 200);
  });

  test('Redis away: healthy and not ready; SIGTERM then still ends in time, with 0', async () => {
    await using own = await createOwnRedis({ appendOnly: false });
    await using started = await startFleet(1, { ...own.env, TILEWRIGHT_SHUTDOWN_GRACE_MS: '3000' });
    const { fleet, url } = started;
    await until('the worker to notice', () => fleet.stderr().includes('Redis is away'));
    expect((await ask(`${url}/readyz`)).status).toBe(503);
    await own.start();
    await untilStatus(`${url}/readyz`, 200);
    await own.kill();
    expect(await untilStatus(`${url}/readyz`, 503)).toBe('worker 0 waits for Redis\n');
    expect((await ask(`${url}/healthz`)).status).toBe(200);
    expect(sumOf((await ask(`${url}/metrics`)).text, 'tilewright_redis_connected')).toBe(0);
    fleet.kill('SIGTERM');
    assertExit(await fleet.finished, 0);
  });

  test('the first thing that SIGTERM does is to end readiness', async () => {
    assertExit(await runCli(['seed', await world.request({ output: 'not-ready' })], { env }), 0);
    // What is under way stays so, or the fleet might end before it could be asked.
    const held = world.hold();
    await using started = await startFleet(1);
    const { fleet, url } = started;
    await untilStatus(`${url}/readyz`, 200);
    // A metatile outside all scenes is under way too, and reads nothing that could hold it.
    await until('a read held', () => held.waiting() > 0);
    expect(sumOf((await ask(`${url}/metrics`)).text, 'tilewright_metatiles_under_way')).toBeGreaterThan(0);
    fleet.kill('SIGTERM');
    expect(await untilStatus(`${url}/readyz`, 503)).toBe('stopping\n');
    fleet.kill('SIGTERM');
    // Nobody answers any more: it ended without waiting. Its worker goes on until it is let.
    await untilStatus(`${url}/readyz`, 0);
    held.release();
    expect((await fleet.finished).code).toBe(130);
  });
});

describe('a worker process on its own', () => {
  test('serves its own metrics, and ends well once it takes more memory than it may', async () => {
    const variables = { ...env, TILEWRIGHT_METRICS_LISTEN: '127.0.0.1:0' };
    await using worker = startWorkerProcess({ env: variables });
    await worker.ready();
    const line = linesOf(worker.log()).find(({ msg }) => msg === 'metrics are served');
    const url = String(line?.['url']);
    const rss = sumOf((await ask(url)).text, 'process_resident_memory_bytes');
    expect(rss).toBeGreaterThan(20e6);
    expect((await ask(url.replace('/metrics', '/readyz'))).status).toBe(200);
    expect((await ask(url.replace('/metrics', '/healthz'))).status).toBe(200);
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(0);

    // Grows by what the test puts into it, so that no figure of this machine matters.
    const grow = await preload(`setTimeout(() => (globalThis.kept = Buffer.alloc(400 * 2 ** 20, 1)), 1500);`);
    const limited = { ...variables, TILEWRIGHT_MAX_RSS_MIB: '400', NODE_OPTIONS: grow };
    await using large = startWorkerProcess({ env: limited });
    expect(await large.exited).toBe(0);
    const last = linesOf(large.log()).map(({ msg, cause }) => `${String(msg)}: ${String(cause)}`);
    expect(last.join('\n')).toMatch(/worker stopping: it takes \d+ MiB of memory; allowed are 400\nworker stopped/);
  });

  test('every line that is written while a metatile is worked on names the run and the metatile', async () => {
    const request = await world.request({ output: 'logged', minzoom: 4, maxzoom: 5 });
    assertExit(await runCli(['seed', request], { env }), 0);
    // What the search client logs, which knows nothing of runs, and what fails.
    world.stac.fail({ kind: 'status', status: 503 });
    world.breakScenes(['north-west'], 404);
    await using worker = startWorkerProcess({ env: { ...env, TILEWRIGHT_LOG_LEVEL: 'debug' } });
    await until('the end of the run', () => worker.log().includes('"run ended"'));
    world.breakScenes([], 0);
    const lines = linesOf(worker.log());
    const ended = lines.find(({ msg }) => msg === 'run ended');
    const ofWork = lines.filter(({ msg }) => msg === 'job failed' || String(msg).includes('Trying again'));
    expect(ofWork.length).toBeGreaterThan(1);
    expect(ofWork.some(({ msg }) => String(msg).includes('the search at'))).toBe(true);
    for (const line of ofWork) expect(line).toMatchObject({ run: ended?.['run'], metatile: expect.any(Number) });
    expect(String(ended?.['run'])).toMatch(/-1$/);
  });
});

/** A module that a process loads before its own, as the option that makes it do so. */
async function preload(source: string): Promise<string> {
  const path = join(folder, `preload-${outputs++}.mjs`);
  await writeFile(path, source);
  return `--import ${pathToFileURL(path).href}`;
}

/** The same for the first worker process that is started, and none of those that come later. */
async function preloadInFirst(source: string): Promise<string> {
  const marker = JSON.stringify(join(folder, `first-${outputs++}`));
  return await preload(`
    import { existsSync, writeFileSync } from 'node:fs';
    if (process.argv[1].endsWith('main.js') && !existsSync(${marker})) {
      writeFileSync(${marker}, '');
      ${source}
    }
  `);
}

describe('the watchdog', () => {
  test('a metatile whose process never gives way again is killed with it, fails, and the run goes on', async () => {
    // What a decoder that loops for ever does: the process is alive, and nothing in it ever turns again.
    const poison = await preload(`
      import { subscribe } from 'node:diagnostics_channel';
      subscribe('undici:request:create', ({ request }) => {
        if (request.path.includes('south-east')) for (;;);
      });
    `);
    // One metatile at a time, so that no other one is under way in a process that is killed.
    const variables = {
      TILEWRIGHT_WORKER_CONCURRENCY: '1',
      // Longer than a busy machine may keep a process that is well from giving a sign.
      TILEWRIGHT_HANG_MS: '4000',
      TILEWRIGHT_MAX_STALLED: '1',
      // No longer, so that the jobs of a killed process are taken over within seconds.
      TILEWRIGHT_LOCK_MS: '4000',
      TILEWRIGHT_STALLED_INTERVAL_MS: '1000',
      NODE_OPTIONS: poison,
    };
    await using started = await startFleet(2, variables);
    const { fleet, url } = started;
    // The lower row of tiles needs the scene that is poison, those above do not.
    const events = await seedAll({ minzoom: 4, maxzoom: 4, metatileSize: 1, area: { bbox: [1, 2, 38, 39] } });
    expect(events.at(-1)).toMatchObject({ state: 'failed', failed: 2, rendered: 2 });
    const failures = events.filter(({ event }) => event === 'failure').map(({ tile, code }) => [tile, code]);
    expect(failures).toStrictEqual([
      ['4/8/7', 'WORKER_LOST'],
      ['4/9/7', 'WORKER_LOST'],
    ]);
    expect(fleet.stderr()).toContain('gave no sign of life for');
    expect(sumOf((await ask(`${url}/metrics`)).text, 'tilewright_worker_ends_total', 'hung')).toBeGreaterThan(1);
    fleet.kill('SIGTERM');
    assertExit(await fleet.finished, 0);
  });

  test('a process that takes too much memory is replaced by one that is ready before it goes', async () => {
    const grow = await preloadInFirst(`setTimeout(() => (globalThis.kept = Buffer.alloc(350 * 2 ** 20, 1)), 2000);`);
    await using started = await startFleet(1, { TILEWRIGHT_MAX_RSS_MIB: '400', NODE_OPTIONS: grow });
    const { fleet, url } = started;
    const first = await until('the first process', async () => (await childrenOf(fleet.pid))[0] ?? null);
    await untilStatus(`${url}/readyz`, 200);
    await until('the first process to go', async () => {
      const { status } = await ask(`${url}/readyz`);
      // There is one that takes jobs at all times.
      expect(status).toBe(200);
      return !(await isAlive(first));
    });
    expect(fleet.stderr()).toContain('another one is started in its place');
    const text = await untilMetrics(url, 1);
    expect(sumOf(text, 'tilewright_worker_ends_total', 'replaced')).toBe(1);
    fleet.kill('SIGTERM');
    assertExit(await fleet.finished, 0);
  });

  test('far above its memory a process is killed', async () => {
    const grow = await preloadInFirst(`setTimeout(() => (globalThis.kept = Buffer.alloc(700 * 2 ** 20, 1)), 2000);`);
    await using started = await startFleet(1, { TILEWRIGHT_MAX_RSS_MIB: '300', NODE_OPTIONS: grow });
    await until('the kill', () => /takes \d+ MiB of memory and is killed/.test(started.fleet.stderr()));
    await until('the next one', () => started.fleet.stderr().includes('the next one starts'));
    await untilStatus(`${started.url}/readyz`, 200);
    started.fleet.kill('SIGTERM');
    expect((await started.fleet.finished).code).toBe(0);
  });
});

import { context, propagation, trace } from '@opentelemetry/api';
import type { Context, TextMapPropagator } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seedCommand } from '../../jobs/commands/seed.ts';
import { loadTelemetry } from '../../jobs/queue/telemetry.ts';
import { parseConfig } from '../../src/config.ts';
import { SILENT } from '../../src/observe.ts';
import { createWorkerRuntime } from '../../workers/runtime.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import { startAll } from '../support/server-process.ts';
import { startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';

let world: SmallWorld;
let redis: RedisServer;
const exporter = new InMemorySpanExporter();

/** `traceparent` of the W3C, which an SDK brings along. */
const TRACE_PARENT: TextMapPropagator = {
  inject(of: Context, carrier, setter) {
    const span = trace.getSpanContext(of);
    if (span !== undefined) setter.set(carrier, 'traceparent', `00-${span.traceId}-${span.spanId}-01`);
  },
  extract(of: Context, carrier, getter) {
    const [, traceId, spanId] = /^00-(\w+)-(\w+)-/.exec(String(getter.get(carrier, 'traceparent') ?? '')) ?? [];
    if (traceId === undefined || spanId === undefined) return of;
    return trace.setSpanContext(of, { traceId, spanId, traceFlags: 1, isRemote: true });
  },
  fields: () => ['traceparent'],
};

beforeAll(async () => {
  [world, redis] = await startAll(startSmallWorld(), startRedis());
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(TRACE_PARENT);
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  for (const api of [trace, context, propagation]) api.disable();
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** Seeds a small run and waits for its end, with one worker in this process. */
async function renderTraced(env: Readonly<Record<string, string>>): Promise<number> {
  const config = parseConfig(env);
  const runtime = createWorkerRuntime(config, SILENT, { telemetry: await loadTelemetry(config) });
  try {
    const request = await world.request({ output: `traced-${env['TILEWRIGHT_OTEL']}`, minzoom: 3, maxzoom: 3 });
    const stderr = { isTTY: false, columns: 80, write: () => true };
    return await trace.getTracer('test').startActiveSpan('seeding', async (span) => {
      const args = { positionals: { REQUEST: request }, options: { wait: 'true', json: 'true' } };
      const { signal } = new AbortController();
      const code = await seedCommand.run({ env, cwd: world.folder, print: () => {}, stderr, signal }, args);
      span.end();
      return code;
    });
  } finally {
    await runtime.close(5_000);
  }
}

test('a run is one trace, from the command that seeds it over its supervisor to its metatiles', async () => {
  expect(await renderTraced({ ...redis.env, TILEWRIGHT_OTEL: '1' })).toBe(0);
  const spans = exporter.getFinishedSpans();
  const root = spans.find(({ name }) => name === 'seeding')?.spanContext().traceId;
  const ofQueue = (queue: string) => spans.filter(({ name }) => name.includes(queue) && /^(process|add)/.test(name));
  const names = [...new Set(spans.map(({ name }) => name))];
  expect(names).toContain('process tilewright-metatiles');
  for (const queue of ['tilewright-runs', 'tilewright-metatiles']) {
    const processed = ofQueue(queue).filter(({ name }) => name.startsWith('process'));
    expect(processed.length).toBeGreaterThan(0);
    expect(new Set(processed.map((span) => span.spanContext().traceId))).toStrictEqual(new Set([root]));
  }
});

test('without the setting there are no spans of jobs', async () => {
  exporter.reset();
  const env = { ...redis.env, TILEWRIGHT_QUEUE_PREFIX: `${redis.env['TILEWRIGHT_QUEUE_PREFIX']}-off` };
  expect(await renderTraced({ ...env, TILEWRIGHT_OTEL: '0' })).toBe(0);
  expect(exporter.getFinishedSpans().map(({ name }) => name)).toStrictEqual(['seeding']);
});

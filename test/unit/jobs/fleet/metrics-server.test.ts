import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { startMetricsServer } from '../../../../jobs/fleet/metrics-server.ts';
import type { Observed } from '../../../../jobs/fleet/metrics-server.ts';

const WELL: Observed = {
  metrics: async () => await Promise.resolve('a 1\n'),
  health: () => ({ isWell: true, text: 'ok' }),
  readiness: () => ({ isWell: false, text: 'waits for Redis' }),
};

test('answers with what it is told', async () => {
  await using server = await startMetricsServer('127.0.0.1:0', WELL);
  const metrics = await fetch(`${server.url}/metrics`);
  expect([metrics.status, metrics.headers.get('content-type'), await metrics.text()]).toStrictEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
    'a 1\n',
  ]);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  const ready = await fetch(`${server.url}/readyz`);
  expect([ready.status, await ready.text()]).toStrictEqual([503, 'waits for Redis\n']);
});

test('those who ask at the same time get one answer; one that fails is no reason for the next to fail', async () => {
  let asked = 0;
  let fails = false;
  const metrics = async (): Promise<string> => {
    asked++;
    await new Promise((resolve) => setImmediate(resolve));
    if (fails) throw new Error('x');
    return `asked ${asked}\n`;
  };
  await using server = await startMetricsServer('127.0.0.1:0', { ...WELL, metrics });
  const all = await Promise.all(Array.from({ length: 8 }, async () => (await fetch(`${server.url}/metrics`)).status));
  expect(all).toStrictEqual(all.map(() => 200));
  expect(asked).toBeLessThanOrEqual(all.length);
  fails = true;
  expect((await fetch(`${server.url}/metrics`)).status).toBe(503);
  fails = false;
  expect((await fetch(`${server.url}/metrics`)).status).toBe(200);
});

test('an IPv6 address has brackets', async () => {
  await using server = await startMetricsServer('[::1]:0', WELL);
  expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

test.each([
  ['127.0.0.1', 'expected HOST:PORT'],
  ['127.0.0.1:70000', 'a port up to 65535'],
  ['192.0.2.1:9100', 'this machine has no such address'],
  ['no-such-host.invalid:9100', 'CONFIG_INVALID'],
])('%s is no place to listen at', async (listen, expected) => {
  const error = await startMetricsServer(listen, WELL).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
  expect(`${(error as { code: string }).code} ${String(error)}`).toContain(expected);
});

test('a port that is in use is said to be', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  await expect(startMetricsServer(`127.0.0.1:${port}`, WELL)).rejects.toThrow('the port is in use');
  other.close();
});

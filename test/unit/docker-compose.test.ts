import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { describeConfig, parseConfig } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';
import { PROJECT_FOLDER } from '../support/build.ts';
import { PACKAGE, commandLineOf } from '../support/deployment.ts';

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[]; readonly interval: string; readonly retries: number };
  readonly restart?: string;
  readonly stop_grace_period?: string;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const COMPOSE_TEXT = readFileSync(join(PROJECT_FOLDER, 'docker-compose.yml'), 'utf8');
const COMPOSE = parse(COMPOSE_TEXT, { merge: true }) as Compose;
const DOCKERFILE = readFileSync(join(PROJECT_FOLDER, 'Dockerfile'), 'utf8');

function service(name: string): Service {
  const found = COMPOSE.services[name];
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
}

/** A value as Compose gives it to a container: `${NAME:-fallback}` becomes the fallback. */
function interpolated(value: string): string {
  return value.replace(/\$\{\w+:-([^}]*)\}/g, '$1');
}

/** The configuration that a container starts with. */
function configOf({ environment }: Pick<Service, 'environment'>): Config {
  return parseConfig(
    Object.fromEntries(Object.entries(environment ?? {}).map(([name, value]) => [name, interpolated(value)])),
  );
}

/** Milliseconds of a Compose duration of one unit. */
function durationMs(text: string): number {
  const match = /^(\d+)(s|m)$/.exec(text);
  if (match === null) throw new Error(`'${text}' is not seconds or minutes`);
  return Number(match[1]) * (match[2] === 'm' ? 60_000 : 1_000);
}

const OWN = Object.entries(COMPOSE.services).filter(([, { build }]) => build !== undefined);
const FOREIGN = Object.entries(COMPOSE.services).filter(([, { build }]) => build === undefined);

describe('our services', () => {
  test('are a worker, a dashboard, a seed and a watcher, of the version of the package', () => {
    expect(OWN.map(([name]) => name)).toStrictEqual(['worker', 'dashboard', 'seed', 'watch']);
    for (const [, { image }] of OWN) expect(image).toBe(`tilewright:${PACKAGE.version}`);
  });

  test.each(OWN)('%s has an environment that the code accepts and reads', (_, { environment }) => {
    const known = new Set(describeConfig().map(({ variable }) => variable));
    const unknown = Object.keys(environment!).filter((name) => !known.has(name) && !name.startsWith('AWS_'));
    expect(unknown).toStrictEqual([]);
    const config = configOf({ environment: environment! });
    expect(config.redis.urls).toStrictEqual(['redis://redis:6379']);
    expect(config.s3.forcePathStyle).toBe(true);
  });

  test.each(OWN)('%s reaches the services of this file by their names and ports', (_, { environment }) => {
    const s3 = new URL(environment!['AWS_ENDPOINT_URL_S3']!);
    expect(Object.keys(COMPOSE.services)).toContain(s3.hostname);
    expect(service(s3.hostname).environment!['VGW_PORT']).toBe(`:${s3.port}`);
    expect(service('s3').environment!['VGW_REGION']).toBe(environment!['AWS_REGION']);
    expect(service('s3').environment!['ROOT_ACCESS_KEY']).toBe(environment!['AWS_ACCESS_KEY_ID']);
    expect(service('s3').environment!['ROOT_SECRET_KEY']).toBe(environment!['AWS_SECRET_ACCESS_KEY']);
    expect(Object.keys(COMPOSE.services)).toContain(new URL(environment!['REDIS_URL']!).hostname);
  });

  test.each(OWN)('%s starts when what it needs is healthy', (_, { depends_on: dependsOn }) => {
    expect(dependsOn).toStrictEqual({
      redis: { condition: 'service_healthy' },
      s3: { condition: 'service_healthy' },
    });
  });

  test.each(OWN)('%s has an init process and a root file system that is not written', (_, own) => {
    expect(own.init).toBe(true);
    expect(own.read_only).toBe(true);
  });

  test('the worker runs a command that there is, comes back, and has time to finish', () => {
    const worker = service('worker');
    expect(commandLineOf(worker.command!).options).toHaveProperty('metrics');
    expect(worker.restart).toBe('unless-stopped');
    const { shutdownGraceMs } = configOf(worker);
    // Its parent kills processes that do not heed it 5 s later.
    expect(durationMs(worker.stop_grace_period!)).toBeGreaterThan(shutdownGraceMs + 5_000);
  });

  test.each(['worker', 'dashboard'])('%s is asked for its health where it answers', (name) => {
    const { command, healthcheck } = service(name);
    const { metrics, port = metrics?.split(':').at(-1) } = commandLineOf(command!).options;
    const [kind, program, flag, script = ''] = healthcheck!.test;
    expect([kind, program, flag]).toStrictEqual(['CMD', 'node', '-e']);
    expect(script).toContain(`fetch('http://127.0.0.1:${port}/healthz')`);
    expect(() => new Script(script)).not.toThrow();
  });

  test('the dashboard listens beyond its container, with a token, and is published at its port', () => {
    const dashboard = service('dashboard');
    const { host, port } = commandLineOf(dashboard.command!).options;
    expect(host).toBe('0.0.0.0');
    expect(configOf(dashboard).dashboardToken).not.toBeNull();
    expect(dashboard.ports).toHaveLength(1);
    expect(dashboard.ports![0]!.split(':').at(-1)).toBe(port);
  });

  test('the worker can be scaled: it has no name, port or volume of its own', () => {
    const worker = service('worker');
    expect(worker).not.toHaveProperty('container_name');
    expect(worker).not.toHaveProperty('ports');
    expect(worker).not.toHaveProperty('volumes');
  });

  test('the seed runs once, on demand, and reads requests that it cannot write', () => {
    const seed = service('seed');
    expect(seed.profiles).toStrictEqual(['seed']);
    expect(seed.restart).toBe('no');
    expect(seed.entrypoint!.at(-1)).toBe('seed');
    expect(commandLineOf([seed.entrypoint!.at(-1)!, ...seed.command!]).positionals['REQUEST']).toMatch(/^\/requests\//);
    expect(seed.entrypoint!.slice(0, 2)).toStrictEqual(entrypointOfImage());
    expect(seed.volumes).toHaveLength(1);
    expect(seed.volumes![0]).toMatch(/:\/requests:ro$/);
  });
});

describe('the services of others', () => {
  test.each(FOREIGN)('%s is of a stated version, has a health check and comes back', (_, foreign) => {
    expect(foreign.image).toMatch(/^[a-z]+\/[a-z]+:v?\d+\.\d+\.\d+(?:-[a-z]+)?$/);
    expect(foreign.healthcheck!.test[0]).toBe('CMD');
    expect(foreign.healthcheck!.retries).toBeGreaterThan(1);
    expect(foreign.restart).toBe('unless-stopped');
  });

  test('Redis loses no key to make room, and none to a restart', () => {
    const command = service('redis').command!;
    expect(command[command.indexOf('--maxmemory-policy') + 1]).toBe('noeviction');
    expect(command[command.indexOf('--appendonly') + 1]).toBe('yes');
    expect(service('redis').volumes).toStrictEqual(['redis-data:/data']);
  });

  test('the store makes its bucket before it starts, and its health path is not a bucket', () => {
    const s3 = service('s3');
    expect(s3.entrypoint!.at(-1)).toBe('mkdir -p "/data/$$BUCKET" && exec /usr/local/bin/docker-entrypoint.sh');
    expect(s3.environment!['BUCKET']).toMatch(/^[a-z0-9-]{3,63}$/);
    expect(s3.environment!['VGW_BACKEND']).toBe('posix');
    expect(s3.environment!['VGW_BACKEND_ARG']).toBe('/data');
    const health = new URL(s3.healthcheck!.test.at(-1)!);
    expect(health.pathname).toBe(s3.environment!['VGW_HEALTH']);
    // A bucket name cannot begin with an underscore.
    expect(health.pathname).toMatch(/^\/_/);
    expect(`:${health.port}`).toBe(s3.environment!['VGW_PORT']);
  });

  test('what is kept lies in volumes that the file declares', () => {
    const named = FOREIGN.flatMap(([, { volumes }]) => volumes ?? []).map((volume) => volume.split(':')[0]);
    expect(new Set(named)).toStrictEqual(new Set(Object.keys(COMPOSE.volumes)));
  });

  test('ports are published on loopback only', () => {
    const ports = Object.values(COMPOSE.services).flatMap(({ ports: published }) => published ?? []);
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });
});

test('no credential is written down, except defaults that say what they are for', () => {
  const secrets = Object.values(COMPOSE.services)
    .flatMap(({ environment }) => Object.entries(environment ?? {}))
    .filter(([variable]) => /KEY|SECRET|PASSWORD|TOKEN/.test(variable))
    .map(([, value]) => value);
  expect(secrets.length).toBeGreaterThan(0);
  expect(
    secrets.filter((value) => !/^\$\{(?:AWS|TILEWRIGHT)_[A-Z_]+:-tilewright(?:-local-only)?\}$/.test(value)),
  ).toStrictEqual([]);
});

/** The image's ENTRYPOINT, in exec form. */
function entrypointOfImage(): readonly string[] {
  const match = /^ENTRYPOINT (\[.*\])$/m.exec(DOCKERFILE);
  if (match === null) throw new Error('the Dockerfile has no ENTRYPOINT in exec form');
  return JSON.parse(match[1]!) as string[];
}

describe('the Dockerfile', () => {
  test('builds on a stated Node that the package accepts', () => {
    const version = /^ARG NODE_IMAGE=node:(\d+)\.(\d+)\.\d+-bookworm-slim$/m.exec(DOCKERFILE);
    expect(version).not.toBeNull();
    const [major, minor] = PACKAGE.engines.node.replace('>=', '').split('.').map(Number);
    const found = Number(version![1]) * 1000 + Number(version![2]);
    expect(found).toBeGreaterThanOrEqual(major! * 1000 + minor!);
    expect([...DOCKERFILE.matchAll(/^FROM (\S+)/gm)].map((match) => match[1])).toStrictEqual([
      '${NODE_IMAGE}',
      '${NODE_IMAGE}',
    ]);
  });

  test('starts what the build makes, as PID 1, and not as root', () => {
    expect(entrypointOfImage()).toStrictEqual(['node', `/app/${PACKAGE.bin.tilewright}`]);
    const lines = DOCKERFILE.split('\n');
    const user = lines.findIndex((line) => line.startsWith('USER '));
    // By number, of which Kubernetes can tell that it is not root.
    expect(lines[user]).toBe('USER 1000:1000');
    expect(user).toBeGreaterThan(lines.findLastIndex((line) => /^(?:RUN|COPY) /.test(line)));
  });

  test('copies only what .dockerignore lets in', () => {
    const allowed = readFileSync(join(PROJECT_FOLDER, '.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = [...DOCKERFILE.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) => match[1]!.split(' '));
    expect(new Set(copied)).toStrictEqual(new Set(allowed));
  });
});

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments, parse } from 'yaml';
import { parseTilesetRequest } from '../../jobs/request/tileset-request.ts';
import { describeConfig, parseConfig } from '../../src/config.ts';
import { PROJECT_FOLDER } from '../support/build.ts';
import { PACKAGE, commandLineOf } from '../support/deployment.ts';
import { quantity } from '../support/manifests.ts';
import type { Container, Manifest, PodSpec } from '../support/manifests.ts';

const FOLDER = join(PROJECT_FOLDER, 'kubernetes');
/** A fleet kills processes that do not heed the end of their grace so much later. */
const KILL_AFTER_S = 5;

interface Kustomization {
  readonly resources: readonly string[];
  readonly components?: readonly string[];
  readonly images?: readonly { readonly name: string; readonly newTag: string }[];
}

function read(path: string): string {
  return readFileSync(join(FOLDER, path), 'utf8');
}

const PATHS = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.yaml'));
const KUSTOMIZATIONS = PATHS.filter((path) => path.endsWith('kustomization.yaml'));
const MANIFESTS = PATHS.filter((path) => !KUSTOMIZATIONS.includes(path)).flatMap((path) =>
  parseAllDocuments(read(path)).map((document) => {
    for (const error of document.errors) throw error;
    return document.toJS() as Manifest;
  }),
);

function manifest(kind: string, name: string): Manifest {
  const found = MANIFESTS.find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`There is no ${kind} ${name}`);
  return found;
}

function podOf(kind: string, name: string): PodSpec {
  return manifest(kind, name).spec!.template!.spec;
}

function containerOf(kind: string, name: string): Container {
  const [container] = podOf(kind, name).containers;
  return container!;
}

const WITH_PODS = MANIFESTS.filter(({ spec }) => spec?.template !== undefined).map((one): [string, string] => [
  one.kind,
  one.metadata.name,
]);
const OWN = WITH_PODS.filter(([kind]) => kind !== 'StatefulSet');
const SETTINGS = manifest('ConfigMap', 'tilewright').data!;

test('workers, a dashboard, a seed and a queue', () => {
  expect(WITH_PODS.map((names) => names.join(' ')).sort()).toStrictEqual([
    'Deployment dashboard',
    'Deployment worker',
    'Job seed',
    'StatefulSet valkey',
  ]);
});

describe('every pod', () => {
  test.each(WITH_PODS)('%s %s is not root, writes nothing of its image and may do nothing more', (kind, name) => {
    const pod = podOf(kind, name);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(pod.securityContext['runAsUser']).toBeGreaterThan(0);
    for (const container of pod.containers) {
      expect(container.securityContext).toStrictEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  test.each(WITH_PODS)('%s %s has no rights in the cluster, and no variables made of Services', (kind, name) => {
    const pod = podOf(kind, name);
    expect(manifest('ServiceAccount', pod.serviceAccountName).automountServiceAccountToken).toBe(false);
    expect(pod.automountServiceAccountToken).toBe(false);
    // TILEWRIGHT_DASHBOARD_PORT of a Service would be an unknown variable, which is refused.
    expect(pod.enableServiceLinks).toBe(false);
  });

  test.each(WITH_PODS)('%s %s says what it needs and may have at most', (kind, name) => {
    const { requests, limits } = containerOf(kind, name).resources;
    for (const what of ['cpu', 'memory'] as const) {
      expect(quantity(requests[what])).toBeGreaterThan(0);
      expect(quantity(limits[what])).toBeGreaterThanOrEqual(quantity(requests[what]));
    }
  });

  test.each(WITH_PODS)('%s %s mounts what it has, and has somewhere to write', (kind, name) => {
    const pod = podOf(kind, name);
    const claims = manifest(kind, name).spec!.volumeClaimTemplates ?? [];
    const volumes = new Set([...(pod.volumes ?? []).map((one) => one.name), ...claims.map((one) => one.metadata.name)]);
    const { volumeMounts } = containerOf(kind, name);
    expect(new Set(volumeMounts.map((mount) => mount.name))).toStrictEqual(volumes);
    expect(volumeMounts.map((mount) => mount.mountPath)).toContain(kind === 'StatefulSet' ? '/data' : '/tmp');
  });
});

describe('our pods', () => {
  test.each(OWN)('%s %s runs a command that there is, in the image of this version', (kind, name) => {
    const { image, args } = containerOf(kind, name);
    expect(image).toBe(`tilewright:${PACKAGE.version}`);
    expect(args[0]).toBe(name);
    expect(() => commandLineOf(args)).not.toThrow();
  });

  test.each(OWN)('%s %s has an environment that the code accepts and reads', (kind, name) => {
    const known = new Set(describeConfig().map(({ variable }) => variable));
    const { envFrom, env } = containerOf(kind, name);
    expect(env).toBeUndefined();
    const all = envFrom!.flatMap(({ configMapRef, secretRef }) =>
      Object.entries(
        configMapRef === undefined
          ? manifest('Secret', secretRef!.name).stringData!
          : manifest('ConfigMap', configMapRef.name).data!,
      ),
    );
    expect(all.filter(([variable]) => !known.has(variable) && !variable.startsWith('AWS_'))).toStrictEqual([]);
    const plain = all.filter(([, value]) => value !== 'REPLACE');
    expect(parseConfig(Object.fromEntries(plain)).redis.urls).toStrictEqual(['redis://valkey:6379']);
  });

  test('only the dashboard has its token, and does not start without a real one', () => {
    const readers = OWN.filter(([kind, name]) =>
      containerOf(kind, name).envFrom!.some(({ secretRef }) => secretRef?.name === 'tilewright-dashboard'),
    );
    expect(readers).toStrictEqual([['Deployment', 'dashboard']]);
    const example = manifest('Secret', 'tilewright-dashboard').stringData!;
    expect(() => parseConfig(example)).toThrow(/TILEWRIGHT_DASHBOARD_TOKEN/);
  });

  test.each([
    ['worker', 'metrics'],
    ['dashboard', 'http'],
  ])('the %s is probed at the port where it answers', (name, port) => {
    const container = containerOf('Deployment', name);
    const { options } = commandLineOf(container.args);
    const listens = options['port'] ?? options['metrics']?.split(':').at(-1);
    expect(container.ports).toStrictEqual([{ name: port, containerPort: Number(listens) }]);
    expect(options['host'] ?? options['metrics']?.split(':')[0]).toBe('0.0.0.0');
    expect(container.startupProbe?.httpGet).toStrictEqual({ path: '/healthz', port });
    expect(container.livenessProbe?.httpGet).toStrictEqual({ path: '/healthz', port });
    expect(container.readinessProbe?.httpGet).toStrictEqual({ path: '/readyz', port });
  });

  test('a worker has a process for each CPU, the memory that they may take, and time to stop', () => {
    const { args, resources } = containerOf('Deployment', 'worker');
    const processes = Number(commandLineOf(args).options['processes']);
    expect(quantity(resources.limits.cpu)).toBe(processes);
    const { maxRssBytes, shutdownGraceMs } = parseConfig(SETTINGS);
    expect(quantity(resources.limits.memory)).toBeGreaterThan(processes * maxRssBytes);
    const graceS = podOf('Deployment', 'worker').terminationGracePeriodSeconds!;
    expect(graceS).toBeGreaterThan(shutdownGraceMs / 1000 + KILL_AFTER_S);
  });

  test('the annotations for Prometheus name the port of the metrics', () => {
    const { annotations } = manifest('Deployment', 'worker').spec!.template!.metadata;
    const [metrics] = containerOf('Deployment', 'worker').ports!;
    expect(annotations).toMatchObject({
      'prometheus.io/port': String(metrics!.containerPort),
      'prometheus.io/path': '/metrics',
    });
  });

  test('the seed reads a request that is valid', () => {
    const { args, volumeMounts } = containerOf('Job', 'seed');
    const path = commandLineOf(args).positionals['REQUEST']!;
    const [folder, file] = [path.slice(0, path.lastIndexOf('/')), path.slice(path.lastIndexOf('/') + 1)];
    expect(volumeMounts.map((mount) => mount.mountPath)).toContain(folder);
    const text = manifest('ConfigMap', 'seed').data![file]!;
    expect(parseTilesetRequest(JSON.parse(text)).output).toMatch(/^s3:\/\//);
  });
});

describe('the queue', () => {
  test('loses no key to make room, and none to a restart', () => {
    const { args } = containerOf('StatefulSet', 'valkey');
    const valueOf = (flag: string): string | undefined => args[args.indexOf(flag) + 1];
    expect(valueOf('--maxmemory-policy')).toBe('noeviction');
    expect(valueOf('--appendonly')).toBe('yes');
    expect(valueOf('--dir')).toBe('/data');
    const compose = parse(readFileSync(join(PROJECT_FOLDER, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
      readonly services: { readonly redis: { readonly image: string } };
    };
    expect(containerOf('StatefulSet', 'valkey').image).toBe(compose.services.redis.image);
  });

  test.each([
    ['valkey', 'StatefulSet'],
    ['dashboard', 'Deployment'],
  ])('the Service %s leads to its pods', (name, kind) => {
    const { selector, ports } = manifest('Service', name).spec!;
    expect(manifest(kind, name).spec!.template!.metadata.labels).toMatchObject(selector!);
    const [port] = ports!;
    const target = containerOf(kind, name).ports!.find((one) => one.name === port!.targetPort);
    expect(target?.containerPort).toBe(port!.port);
  });
});

test('KEDA asks the dashboard for what remains, with its token, and always leaves a worker', () => {
  const { scaleTargetRef, triggers, minReplicaCount } = manifest('ScaledObject', 'worker').spec!;
  expect(manifest('Deployment', scaleTargetRef!.name)).toBeDefined();
  expect(minReplicaCount).toBeGreaterThanOrEqual(1);
  const url = new URL(triggers![0]!.metadata['url']!);
  const namespace = MANIFESTS.find(({ kind }) => kind === 'Namespace')!.metadata.name;
  expect(url.hostname).toBe(`dashboard.${namespace}.svc`);
  expect(Number(url.port)).toBe(manifest('Service', 'dashboard').spec!.ports![0]!.port);
  expect(url.pathname).toBe('/api/remaining');
  const [reference] = manifest('TriggerAuthentication', 'dashboard').spec!.secretTargetRef!;
  expect(manifest('Secret', reference!.name).stringData).toHaveProperty(reference!.key);
});

describe('the kustomizations', () => {
  test('apply every file but the example of the Secrets', () => {
    const applied = KUSTOMIZATIONS.flatMap((path) => {
      const { resources } = parse(read(path)) as Kustomization;
      return resources.map((resource) => join(path, '..', resource));
    });
    const all = PATHS.filter((path) => !KUSTOMIZATIONS.includes(path));
    expect([...applied, 'secrets.example.yaml'].sort()).toStrictEqual(all.sort());
  });

  test('name the image of this version, and components that there are', () => {
    for (const path of KUSTOMIZATIONS) {
      const { images = [], components = [] } = parse(read(path)) as Kustomization;
      for (const { name, newTag } of images) expect(`${name}:${newTag}`).toBe(`tilewright:${PACKAGE.version}`);
      for (const component of components) expect(KUSTOMIZATIONS).toContain(join(component, 'kustomization.yaml'));
    }
    // Those left out by a comment are there too.
    for (const [, name] of read('kustomization.yaml').matchAll(/^ {2}# - (\w+)$/gm)) {
      expect(KUSTOMIZATIONS).toContain(join(name!, 'kustomization.yaml'));
    }
  });

  test('no credential is written down', () => {
    const values = MANIFESTS.filter(({ kind }) => kind === 'Secret').flatMap(({ stringData }) =>
      Object.values(stringData ?? {}),
    );
    expect(values.length).toBeGreaterThan(0);
    expect(values.filter((value) => value !== 'REPLACE')).toStrictEqual([]);
  });
});

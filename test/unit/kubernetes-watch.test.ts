import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseTilesetRequest } from '../../jobs/request/tileset-request.ts';
import { parseCron } from '../../jobs/watch/cron.ts';
import { PROJECT_FOLDER } from '../support/build.ts';
import { PACKAGE, commandLineOf } from '../support/deployment.ts';
import type { PodSpec } from '../support/manifests.ts';

interface CronJob {
  readonly kind: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly schedule: string;
    readonly concurrencyPolicy: string;
    readonly jobTemplate: { readonly spec: { readonly template: { readonly spec: PodSpec } } };
  };
}

const FOLDER = join(PROJECT_FOLDER, 'kubernetes');
const [map, job] = parseAllDocuments(readFileSync(join(FOLDER, 'watch/watch.yaml'), 'utf8')).map(
  (document) => document.toJS() as CronJob,
);

test('the CronJob looks once, at a time that there is, with a request that is one', () => {
  expect([map?.kind, job?.kind]).toEqual(['ConfigMap', 'CronJob']);
  expect(() => parseCron(job?.spec?.schedule ?? '')).not.toThrow();
  expect(job?.spec?.concurrencyPolicy).toBe('Forbid');
  const request = parseTilesetRequest(JSON.parse(map?.data?.['request.json'] ?? ''));
  expect(request.mosaic.query).toMatchObject({ datetime: 'P30D/..' });
  const [container] = job?.spec?.jobTemplate.spec.template.spec.containers ?? [];
  expect(container?.image).toBe(`tilewright:${PACKAGE.version}`);
  expect(container?.args.slice(0, 3)).toEqual(['watch', '/requests/request.json', '--once']);
  expect(() => commandLineOf(container?.args ?? [])).not.toThrow();
});

test('its pod may do no more than that of a seed', () => {
  const [, seed] = parseAllDocuments(readFileSync(join(FOLDER, 'seed/seed.yaml'), 'utf8')).map(
    (document) => document.toJS() as { readonly spec?: { readonly template: { readonly spec: PodSpec } } },
  );
  const ours = job?.spec?.jobTemplate.spec.template.spec;
  const theirs = seed?.spec?.template.spec;
  for (const part of [
    'securityContext',
    'serviceAccountName',
    'automountServiceAccountToken',
    'enableServiceLinks',
  ] as const) {
    expect(ours?.[part]).toEqual(theirs?.[part]);
  }
  const [ourContainer, theirContainer] = [ours?.containers[0], theirs?.containers[0]];
  for (const part of ['securityContext', 'envFrom', 'resources', 'volumeMounts'] as const) {
    expect(ourContainer?.[part]).toEqual(theirContainer?.[part]);
  }
  const versions = ['seed', 'watch'].map(
    (name) => parse(readFileSync(join(FOLDER, name, 'kustomization.yaml'), 'utf8')) as { images: unknown },
  );
  expect(versions[1]?.images).toEqual(versions[0]?.images);
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { PROJECT_FOLDER } from '../support/build.ts';

interface Component {
  readonly patches?: readonly {
    readonly target: Readonly<Record<string, string>>;
    readonly patch: string;
  }[];
}

function read(path: string): unknown {
  return parse(readFileSync(join(PROJECT_FOLDER, 'kubernetes', path), 'utf8'));
}

test('with KEDA, applying the manifests again leaves the number of workers to it', () => {
  const { patches } = read('keda/kustomization.yaml') as Component;
  expect(patches?.map(({ target, patch }) => [target, parse(patch)])).toStrictEqual([
    [{ kind: 'Deployment', name: 'worker' }, [{ op: 'remove', path: '/spec/replicas' }]],
  ]);
});

test('the namespace refuses pods below the strictest standard, and warns of what would make such pods', () => {
  const { metadata } = read('namespace.yaml') as { readonly metadata: { readonly labels: unknown } };
  expect(metadata.labels).toStrictEqual({
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/enforce-version': 'latest',
    'pod-security.kubernetes.io/warn': 'restricted',
    'pod-security.kubernetes.io/warn-version': 'latest',
  });
});

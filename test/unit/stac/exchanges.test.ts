import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { itemToScene } from '../../../src/stac/accessor.ts';
import { parseSearchPage } from '../../../src/stac/item.ts';
import { findRealData } from '../../support/real-data.ts';
import { createTestClient } from '../../support/search-client.ts';
import { boxItem } from '../../support/stac-items.ts';

/** One question to a STAC API and its answer. */
interface Exchange {
  readonly request: { readonly method: string; readonly url: string; readonly body?: Record<string, unknown> | null };
  readonly response: { readonly status: number; readonly body: Record<string, unknown> };
}

const REAL_DATA = findRealData();

/** In the shapes of servers in use: what a page holds besides items, and how it links to the next one. */
const OWN: readonly (readonly [name: string, exchanges: readonly Exchange[]])[] = [
  [
    'a next body of the token alone that drops the filter',
    paged({ filter: { op: 'lte' } }, { merge: false, body: { next: 'n' } }),
  ],
  ['a next body of the token alone, no merge', paged({ collections: ['scenes'] }, { body: { token: 'next:a' } })],
  ['a next body with all and the token', paged({ limit: 1 }, { body: { limit: 1, token: 'next:a', conf: null } })],
  ['a page number', paged({ limit: 1 }, { merge: false, body: { limit: 1, page: 2 } })],
  [
    'an empty last page',
    [...paged({ collections: ['scenes'] }, { body: { next: 'n' } }).slice(0, 1), answered([], [])],
  ],
];

function answered(
  features: readonly unknown[],
  links: readonly unknown[],
  body: Record<string, unknown> = {},
): Exchange {
  return {
    request: { method: 'POST', url: 'https://stac.test/search', body },
    response: { status: 200, body: { type: 'FeatureCollection', context: { limit: 1 }, features, links } },
  };
}

function paged(body: Record<string, unknown>, link: object): readonly Exchange[] {
  const next = { rel: 'next', method: 'POST', href: 'https://stac.test/search', ...link };
  return [
    answered([boxItem('a', [0, 0, 1, 1])], [next], body),
    answered([boxItem('b', [1, 0, 2, 1])], [{ rel: 'root' }]),
  ];
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8')) as unknown;
}

const recordings: readonly (readonly [string, readonly Exchange[]])[] =
  REAL_DATA === null
    ? OWN
    : [
        ...OWN,
        ...readdirSync(join(REAL_DATA, 'stac/exchanges')).map(
          (name) => [name, readJson(join(REAL_DATA, 'stac/exchanges', name)) as readonly Exchange[]] as const,
        ),
      ];

const documents: readonly (readonly [string, unknown])[] = [
  ['an item of our own', boxItem('a', [0, 0, 1, 1])],
  ...(REAL_DATA === null
    ? []
    : readdirSync(REAL_DATA, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.json') && !name.includes('exchanges') && name !== 'manifest.json')
        .flatMap((name) => itemsOf(name, readFileSync(join(REAL_DATA, name), 'utf8')))),
];

/** The items of a file: one, or one a line. */
function itemsOf(name: string, text: string): readonly (readonly [string, unknown])[] {
  const lines = text.trimEnd().split('\n');
  const parse = (part: string): { readonly type?: string; readonly id?: string } =>
    JSON.parse(part) as { readonly type?: string };
  const isLines = lines.length > 1 && lines.every((line) => line.startsWith('{') && line.endsWith('}'));
  return (isLines ? lines.map(parse) : [parse(text)])
    .filter(({ type }) => type === 'Feature')
    .map((item) => [`${name} ${item.id}`, item] as const);
}

test.each(documents)('%s becomes a scene', (_, document) => {
  const [item] = parseSearchPage({ features: [document] }, 'a page').items;
  if (item === undefined) throw new Error('one item in, one item out');
  const keys = Object.keys(item.assets);
  const scene = itemToScene(item, { assets: keys, onMissingAsset: 'error', searchUrl: 'http://stac.test/search' });
  expect(scene?.assets.map(({ key }) => key)).toEqual(keys);
  const longitudes = (scene?.footprint?.coordinates ?? []).flat(2).map(([lng = Number.NaN]) => lng);
  expect(longitudes.length).toBeGreaterThan(3);
  expect(longitudes.every((lng) => lng >= -180 && lng <= 180)).toBe(true);
});

describe.each(recordings)('recorded: %s', (_, exchanges) => {
  test('every item of every answer is read', () => {
    for (const { response } of exchanges.filter(({ response }) => Array.isArray(response.body['features']))) {
      const { items } = parseSearchPage(response.body, 'a recorded page');
      expect(items).toHaveLength((response.body['features'] as unknown[]).length);
    }
  });

  test('replayed, a search reads all pages and sends its conditions with each', async () => {
    // The first run of pages of one search: what follows the first POST for as long as pages link on.
    const start = exchanges.findIndex(
      ({ request, response }) => request.method === 'POST' && Array.isArray(response.body['features']),
    );
    const run: Exchange[] = [];
    for (const exchange of exchanges.slice(start === -1 ? exchanges.length : start)) {
      run.push(exchange);
      const links = (exchange.response.body['links'] ?? []) as readonly { readonly rel?: string }[];
      if (!links.some(({ rel }) => rel === 'next')) break;
    }
    const asked: Record<string, unknown>[] = [];
    await using server = await replay(run, asked);
    await using client = createTestClient(`${server.url}/search`);
    const { limit: _limit, bbox: _bbox, intersects: _intersects, ...conditions } = run[0]?.request.body ?? {};
    const found = await client.find({ conditions });
    const recorded = run.flatMap(
      ({ response }) => response.body['features'] as { readonly id: string; readonly collection?: string }[],
    );
    expect(found.toSorted()).toEqual([...new Set(recorded.map(({ id }) => id))].toSorted());
    const { fields: _fields, ...fixed } = conditions;
    for (const body of asked) expect(body).toMatchObject(fixed);
    expect(asked.length).toBeGreaterThanOrEqual(run.length);
  });
});

/** A server that gives the recorded answers one after the other, under its own address, and then empty pages. */
async function replay(
  run: readonly Exchange[],
  asked: Record<string, unknown>[],
): Promise<AsyncDisposable & { readonly url: string }> {
  let base = '';
  const server = createServer((request, response) => {
    void (async () => {
      let text = '';
      for await (const part of request as AsyncIterable<Buffer>) text += part.toString('utf8');
      const exchange = run[asked.length];
      asked.push(JSON.parse(text) as Record<string, unknown>);
      const origin = new URL(exchange?.request.url ?? 'http://none.test').origin;
      const body = JSON.stringify(exchange?.response.body ?? { features: [] });
      response
        .writeHead(200, { 'content-type': 'application/geo+json' })
        .end(body.replaceAll(`"${origin}`, `"${base}`));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: base,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

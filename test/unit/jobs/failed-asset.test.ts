import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createReadingPipeline } from '../../../jobs/pipeline.ts';
import { failureOf } from '../../../jobs/retry.ts';
import { parseTilesetRequest } from '../../../jobs/request/tileset-request.ts';
import { parseConfig } from '../../../src/config.ts';
import { assetOf } from '../../../src/errors.ts';
import { SILENT } from '../../../src/observe.ts';
import type { MetatileReport } from '../../../src/render/tile-renderer.ts';
import { answerRange } from '../../support/range-server.ts';
import { boxItem } from '../../support/stac-items.ts';
import { startStacServer } from '../../support/stac-server.ts';
import type { StacServer } from '../../support/stac-server.ts';
import { writeCog } from '../../support/synthetic-cog.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const CONFIG = parseConfig({ TILEWRIGHT_SOURCE_RETRIES: '0', TILEWRIGHT_STAC_RETRIES: '0' });
const TILE = { z: 4, x: 8, y: 7 };

let stac: StacServer;
let answers: Record<string, Answer>;

beforeEach(async () => {
  answers = { '/red.tif': whole(cog(1)), '/green.tif': whole(cog(2)) };
  stac = await startStacServer({
    items: [],
    fallback: (request, response) => {
      const answer = answers[new URL(request.url ?? '/', 'http://server').pathname];
      answer?.(request, response);
      return answer !== undefined;
    },
  });
  const href = (name: string) => ({ href: `${stac.url}/${name}.tif?signature=hidden` });
  stac.serve([boxItem('a', [0, 0, 20, 20], { assets: { red: href('red'), green: href('green') } })]);
});

afterEach(async () => {
  await stac[Symbol.asyncDispose]();
});

function cog(value: number): Uint8Array {
  const band = Uint8Array.from({ length: 256 * 256 }, (_, i) => 1 + ((i * value) % 200));
  const place = { epsg: 4326, transform: [20 / 256, 0, 0, 0, -20 / 256, 20] as const };
  return writeCog({ width: 256, height: 256, bands: [band], ...place, blockSize: 64 });
}

const whole =
  (bytes: Uint8Array): Answer =>
  (request, response) =>
    answerRange(request, response, bytes);

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    void response.writeHead(code, headers).end();

/** Answers the first request with one file and all others with another. */
function changing(first: Uint8Array, then: Uint8Array): Answer {
  let count = 0;
  return (request, response) => answerRange(request, response, count++ === 0 ? first : then);
}

/** A file whose header is as it was and whose blocks are not. */
function withBrokenBlocks(bytes: Uint8Array): Uint8Array {
  const broken = bytes.slice();
  broken.fill(0xff, Math.floor(bytes.length / 8));
  return broken;
}

async function render(fields: Readonly<Record<string, unknown>> = {}): Promise<MetatileReport> {
  const request = parseTilesetRequest({
    mosaic: { type: 'stac', url: stac.searchUrl, query: { collections: ['scenes'] } },
    area: { bbox: [0, 0, 20, 20] },
    minzoom: 4,
    maxzoom: 4,
    assets: ['red', 'green'],
    output: 'out',
    rescale: [[0, 255]],
    ...fields,
  });
  await using pipeline = createReadingPipeline(request, CONFIG, SILENT);
  const work = { index: 0, metatile: { ...TILE, size: 1 }, children: null, tiles: [TILE], parents: [], handedOn: null };
  return await pipeline.renderer.renderMetatile(work, async () => {}, { signal: new AbortController().signal });
}

describe('a failed tile names the asset', () => {
  test.each<[string, string, () => Answer]>([
    ['404', 'ASSET_NOT_FOUND', () => status(404)],
    ['403', 'ASSET_FORBIDDEN', () => status(403)],
    ['500', 'SOURCE_UNAVAILABLE', () => status(500)],
    ['429', 'SOURCE_THROTTLED', () => status(429, { 'retry-after': '60' })],
    ['a broken header', 'ASSET_CORRUPT', () => whole(cog(2).fill(0xff, 8, 200))],
    ['no TIFF at all', 'ASSET_UNSUPPORTED', () => whole(new TextEncoder().encode('<html>'.repeat(100)))],
    ['broken blocks', 'ASSET_CORRUPT', () => whole(withBrokenBlocks(cog(2)))],
    ['a file that changes', 'ASSET_CHANGED', () => changing(cog(2), cog(3))],
  ])('%s: %s', async (_, code, answer) => {
    answers['/green.tif'] = answer();
    const { failures } = await render();
    expect(failures).toMatchObject([{ tile: TILE, code, asset: 'scenes/a/green' }]);
    expect(JSON.stringify(failures)).not.toContain('hidden');
  });

  test('also where the file is sound and the request is not', async () => {
    expect((await render({ bidx: [2] })).failures).toMatchObject([{ code: 'REQUEST_INVALID', asset: 'scenes/a/red' }]);
    // The item fails the search, and with it all tiles of the metatile.
    const failed: unknown = await render({ assets: ['red', 'blue'] }).catch(failureOf);
    expect(failed).toMatchObject({ code: 'ASSET_KEY_UNKNOWN', asset: 'scenes/a/blue' });
  });

  test('nothing fails', async () => {
    expect(await render({ assets: ['red'] })).toMatchObject({ rendered: 1, failures: [] });
  });
});

test('assetOf takes the best name that is known, and not more of it than is shown', () => {
  expect(assetOf({ collection: 'c', itemId: 'i', assetKey: 'k', href: 'h' })).toBe('c/i/k');
  expect(assetOf({ itemId: 'i', assetKey: 'k' })).toBe('i/k');
  expect(assetOf({ collection: 'c', itemId: 'i' })).toBe('c/i');
  expect(assetOf({ href: 'https://host/a.tif' })).toBe('https://host/a.tif');
  expect(assetOf({ status: 500 })).toBeNull();
  expect(assetOf({ href: 'x'.repeat(9000) })).toHaveLength(500);
});

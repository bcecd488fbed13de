import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { maplibreAnswer, pathOf, sendAnswer, startPageServer } from '../../jobs/page-server.ts';
import type { Answer, PageServer } from '../../jobs/page-server.ts';

const PAGE = `<!doctype html>
<meta charset="utf-8" />
<style>html, body, #map { height: 100%; margin: 0; background: #fff; }</style>
<link rel="stylesheet" href="/maplibre-gl.css" />
<div id="map"></div>
<script src="/pmtiles.js"></script>
<script type="module">
  import { addProtocol, Map } from '/maplibre-gl.mjs';
  addProtocol('pmtiles', new pmtiles.Protocol().tile);
  const style = new URLSearchParams(location.search).get('style');
  const map = new Map({ container: 'map', style, attributionControl: false, fadeDuration: 0 });
  map.on('error', (event) => (document.body.dataset.problem = event.error.message));
  map.on('idle', () => (document.body.dataset.state = 'idle'));
</script>
`;

/**
 * A page of another origin that opens the style its query names, with nothing else said, and knows the protocol `pmtiles`.
 *
 * @param documents - by path, for styles that no other server has
 */
export async function startMapPage(documents: ReadonlyMap<string, string> = new Map()): Promise<PageServer> {
  const pmtiles = await readFile(
    createRequire(import.meta.url)
      .resolve('pmtiles/package.json')
      .replace('package.json', 'dist/pmtiles.js'),
  );
  return await startPageServer({ host: '127.0.0.1', port: 0 }, async (request, response) => {
    const path = pathOf(request);
    const document = documents.get(path);
    const own: Answer | null =
      path === '/'
        ? { contentType: 'text/html; charset=utf-8', body: PAGE }
        : path === '/pmtiles.js'
          ? { contentType: 'text/javascript; charset=utf-8', body: pmtiles }
          : document === undefined
            ? null
            : { contentType: 'application/json', body: document };
    const answer = own ?? (await maplibreAnswer(path, new AbortController().signal));
    if (answer === null) response.writeHead(404).end();
    else sendAnswer(request, response, answer, {});
  });
}

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../support/build.ts';
import { startStacServer } from '../support/stac-server.ts';
import { tilewright } from './command.ts';
import { startFileServer } from './file-server.ts';
import { ASSET_KEY, COLLECTION_ID, itemOf } from './items.ts';
import { makeScenes } from './make-scenes.ts';
import { DATES } from './passes.ts';
import { PICTURE_ZOOM, clearPicture, whatIsSeen, worldPicture, writeBeforeAfter } from './picture.ts';
import { count, countTiles, megabytes, readCounts, table } from './report.ts';
import type { SceneRecord } from './scenes.ts';

/** The date whose passes are rendered alone, to be compared with the mosaic of all. */
const ONE_DATE = DATES[3];

/** Where the parts of the demonstration lie: all beneath one folder, and nothing else of that folder is touched. */
interface Folders {
  readonly scenes: string;
  readonly tiles: string;
  readonly oneDate: string;
  readonly request: string;
  readonly oneDateRequest: string;
  readonly picture: string;
}

function foldersIn(output: string): Folders {
  return {
    scenes: join(output, 'scenes'),
    tiles: join(output, 'tiles'),
    oneDate: join(output, 'one-date'),
    request: join(output, 'request.json'),
    oneDateRequest: join(output, 'one-date.json'),
    picture: join(output, 'before-after.png'),
  };
}

/** The tileset request of the mosaic, or of one date alone. */
function requestOf(url: string, output: string, maxzoom: number, datetime: string | null) {
  const query = { collections: [COLLECTION_ID], ...(datetime === null ? {} : { datetime }) };
  return {
    name: datetime === null ? 'Blue Marble, least cloudy' : `Blue Marble, ${datetime.slice(0, 10)}`,
    mosaic: { type: 'stac', url, query, sortby: ['properties.eo:cloud_cover'], limit: 200 },
    area: { bbox: [-180, -85.0511, 180, 85.0511] },
    minzoom: 0,
    maxzoom,
    assets: [ASSET_KEY],
    pixelSelection: 'first',
    resampling: 'bilinear',
    format: 'png',
    output,
  };
}

async function writeRequests(folders: Folders, url: string, maxzoom: number): Promise<void> {
  const day = `${ONE_DATE}T00:00:00Z/${ONE_DATE}T23:59:59Z`;
  const write = async (path: string, request: unknown): Promise<void> =>
    writeFile(path, `${JSON.stringify(request, null, 2)}\n`);
  await write(folders.request, requestOf(url, 'tiles', maxzoom, null));
  await write(folders.oneDateRequest, requestOf(url, 'one-date', PICTURE_ZOOM, day));
}

function describeScenes(scenes: readonly SceneRecord[], seconds: number): string {
  const clouds = scenes.map(({ cloudCover }) => cloudCover);
  const bytes = scenes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const mercator = scenes.filter(({ epsg }) => epsg === 3857).length;
  return (
    `${count(scenes.length)} scenes of ${DATES.length} dates, ${megabytes(bytes)}, in ${seconds.toFixed(1)} s: ` +
    `${scenes.length - mercator} in EPSG:4326 with nodata, ${mercator} in EPSG:3857 with alpha, ` +
    `eo:cloud_cover ${Math.min(...clouds)} to ${Math.max(...clouds)} %`
  );
}

/** Makes the scenes, serves them, renders, and says what happened. */
async function demonstrate(output: string, maxzoom: number, signal: AbortSignal): Promise<void> {
  const folders = foldersIn(output);
  say('Building the command line …');
  await ensureBuilt();
  for (const path of Object.values(folders)) await rm(path, { recursive: true, force: true });
  await mkdir(output, { recursive: true });

  say(`Making scenes of ${DATES.length} dates from NASA's Blue Marble and its clouds …`);
  const started = performance.now();
  const scenes = await makeScenes(folders.scenes, signal);
  say(describeScenes(scenes, (performance.now() - started) / 1000));

  await using files = await startFileServer(folders.scenes);
  await using api = await startStacServer({ items: scenes.map((scene) => itemOf(scene, files.url)) });
  await writeRequests(folders, api.searchUrl, maxzoom);
  const shown = (path: string): string => relative(process.cwd(), path) || '.';

  say(`\nOne date alone, for comparison: tilewright render ${shown(folders.oneDateRequest)}`);
  await tilewright(['render', folders.oneDateRequest], signal);
  const before = { searches: api.searches.length, ...files.served };

  say(`\nThe least cloudy of all dates: tilewright render ${shown(folders.request)}`);
  const renderStarted = performance.now();
  await tilewright(['render', folders.request], signal);
  const seconds = (performance.now() - renderStarted) / 1000;

  const read = { requests: files.served.requests - before.requests, bytes: files.served.bytes - before.bytes };
  const [counts, written] = await Promise.all([readCounts(folders.tiles), countTiles(folders.tiles)]);
  const [oneDate, mosaic, clear] = await Promise.all([
    worldPicture(folders.oneDate),
    worldPicture(folders.tiles),
    clearPicture(),
  ]);
  await writeBeforeAfter(oneDate, mosaic, folders.picture);
  const seen = { oneDate: whatIsSeen(oneDate, clear), mosaic: whatIsSeen(mosaic, clear) };

  say('\nWhat it did');
  say(
    table([
      ['scenes', `${count(scenes.length)} in ${DATES.length} dates`],
      [
        'tiles',
        `${count(counts.rendered)} of ${count(counts.tiles)}, ${count(counts.empty)} empty, zooms 0 to ${maxzoom}`,
      ],
      ['time', `${seconds.toFixed(1)} s, ${Math.round(counts.tiles / seconds)} tiles/s, start of processes included`],
      ['STAC searches', `${count(api.searches.length - before.searches)} pages`],
      ['range requests', `${count(read.requests)}, ${megabytes(read.bytes)} read`],
      ['written', `${count(written.files)} PNG files, ${megabytes(written.bytes)}`],
      [
        'world covered',
        `${seen.oneDate.covered.toFixed(1)} % by ${ONE_DATE}, ${seen.mosaic.covered.toFixed(1)} % by the mosaic`,
      ],
      [
        'clouds in sight',
        `${seen.oneDate.cloudy.toFixed(1)} % on ${ONE_DATE}, ${seen.mosaic.cloudy.toFixed(1)} % in the mosaic`,
      ],
    ]),
  );
  say('\nWhere to look');
  say(
    table([
      ['the map', `npx tilewright preview ${shown(folders.tiles)}`],
      ['one picture', `${shown(folders.picture)}: ${ONE_DATE} in the west, the mosaic in the east`],
      ['the request', shown(folders.request)],
    ]),
  );
  say('\nWhat to try next');
  say(`  npx tilewright plan ${shown(folders.request)} --maxzoom 12`);
  say('  npm test');
  say(`  a catalog of your own: copy ${shown(folders.request)}, set "url", "query" and "assets", and render it`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const { values } = parseArgs({
  options: { output: { type: 'string', default: 'out/demo' }, maxzoom: { type: 'string', default: '5' } },
});
// The pictures are made of the tiles of one zoom; the scenes have the resolution of zoom 4.
const maxzoom = Math.min(8, Math.max(PICTURE_ZOOM, Number.parseInt(values.maxzoom, 10)));
const stopping = new AbortController();
const stop = (): void => stopping.abort();
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
try {
  await demonstrate(resolve(values.output), maxzoom, stopping.signal);
} catch (error) {
  if (!stopping.signal.aborted) throw error;
  process.exitCode = 130;
} finally {
  process.off('SIGINT', stop);
  process.off('SIGTERM', stop);
}

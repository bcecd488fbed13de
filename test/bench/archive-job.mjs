/*
 * One step of making an archive, as built, in a process of its own whose time and memory can be measured. JavaScript,
 * because a loader of TypeScript would be in its memory.
 *
 * stage OUTPUT folder PATH | stage OUTPUT made MAXZOOM: what workers leave of finished metatiles
 * assemble OUTPUT: the archive of it
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createIoCounters } from '../../dist/src/observe.js';
import { openTileStore } from '../../dist/src/store/open-store.js';
import { firstTileId, tileFromTileId, tileIdFromTile } from '../../dist/src/tms/tile-id.js';

const call = { signal: new AbortController().signal };

/** Aligned blocks of 8 by 8 tiles have tile IDs that follow each other. */
const METATILE_TILES = 64;

const [step, output, kind, source] = process.argv.slice(2);
const options = { extension: 'png', contentType: 'image/png', counters: createIoCounters() };
const store = await openTileStore(output, options, call);
if (step === 'stage') await stage(kind === 'made' ? madeTiles(Number(source)) : folderTiles(source));
else await assemble();
await store[Symbol.asyncDispose]();

/** @param tiles - by ascending tile ID */
async function stage(tiles) {
  let index = -1;
  let block = null;
  let found = [];
  const commit = async () => {
    if (found.length === 0) return;
    const sink = store.openMetatile(index);
    const records = [];
    for (const { tileId, bytes } of found) {
      await sink.put(tileFromTileId(tileId), bytes, call);
      const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
      records.push({ tileId, length: bytes.length, digest });
    }
    const inputs = { signature: '0'.repeat(32), scenes: [], children: [] };
    await sink.commit({ index, inputs, tiles: records, empty: [], failed: [] }, call);
    found = [];
  };
  for await (const tile of tiles) {
    const { z } = tileFromTileId(tile.tileId);
    const at = `${z} ${Math.floor((tile.tileId - firstTileId(z)) / METATILE_TILES)}`;
    if (at !== block) {
      await commit();
      index++;
    }
    block = at;
    found.push(tile);
  }
  await commit();
}

async function assemble() {
  const indices = [];
  for await (const index of store.stagedIndices(call)) indices.push(index);
  indices.sort((a, b) => a - b);
  const version = await store.assemble(
    {
      generation: 1,
      requestHash: 'bench',
      indices: () => indices,
      baseline: null,
      isSamePlan: false,
      keepVersions: 1,
      bbox: [-180, -85.0511, 180, 85.0511],
      metadata: { name: 'bench', type: 'baselayer', tileSize: 256, format: 'png', provenance: {} },
    },
    call,
  );
  process.stdout.write(`${version.tiles} ${version.bytes}\n`);
}

async function* folderTiles(folder) {
  const tiles = [];
  for (const path of await readdir(folder, { recursive: true })) {
    const match = /^(\d+)\/(\d+)\/(\d+)\.png$/.exec(path);
    if (match === null) continue;
    const [z, x, y] = match.slice(1).map(Number);
    tiles.push({ tileId: tileIdFromTile({ z, x, y }), path });
  }
  tiles.sort((a, b) => a.tileId - b.tileId);
  for (const { tileId, path } of tiles) yield { tileId, bytes: await readFile(join(folder, path)) };
}

/** All tiles of zooms 0 to `maxzoom`: four of five squares of 16 by 16 tiles are sea of one colour, the rest noise. */
function* madeTiles(maxzoom) {
  const noise = Buffer.alloc(1 << 22);
  let state = 1;
  for (let at = 0; at < noise.length; at += 4) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    noise.writeUInt32LE((state ^ (state >>> 15)) >>> 0, at);
  }
  const sea = noise.subarray(0, 104);
  for (let tileId = 0; tileId < firstTileId(maxzoom + 1); tileId++) {
    const { z, x, y } = tileFromTileId(tileId);
    const square = Math.imul((x >> 4) * 65_537 + (y >> 4) * 257 + z, 2_654_435_761) >>> 0;
    if (square % 5 !== 0) {
      yield { tileId, bytes: sea };
      continue;
    }
    const from = (tileId * 4_099) % (1 << 21);
    const bytes = Buffer.from(noise.subarray(from, from + 4_200 + ((tileId * 7_919) % 16_000)));
    bytes.writeUInt32LE(tileId, 0);
    yield { tileId, bytes };
  }
}

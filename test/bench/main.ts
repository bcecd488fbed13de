import { benchArchives } from './archives.ts';
import { benchAssembleS3 } from './assemble-s3.ts';
import { benchChaos } from './chaos.ts';
import { benchDirectories } from './directories.ts';
import { benchFuzz } from './fuzz.ts';
import { benchLeaks } from './leaks.ts';
import { benchMemory } from './memory.ts';
import { benchPeers } from './peers.ts';
import { benchPng } from './png.ts';
import { benchProcesses } from './processes.ts';
import { benchReal } from './real.ts';
import { benchRender } from './render.ts';
import { benchScale } from './scale.ts';
import { benchShutdown } from './shutdown.ts';
import { benchWarp } from './warp.ts';
import { benchWatch } from './watch.ts';
import { benchWatchMonth } from './watch-month.ts';
import { benchWhole } from './whole.ts';
import { benchWorkers } from './workers.ts';

/** Benchmarks by name: `npm run bench -- NAME`. None asserts a time; each prints what it did beside how long it took. */
const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  /** Both real mosaics, both engines, one and two processes, outputs compared byte for byte. */
  seed: benchReal,
  /** Whole runs beside `gdal raster tile`, geotiff2pmtiles and rio-tiler, each tool on one core. */
  whole: benchWhole,
  /** Archives of the same tiles and of the same imagery beside pmtiles convert, geotiff2pmtiles and rio-pmtiles. */
  archives: benchArchives,
  /** An archive of a million tiles put together in a bucket, and again with the process killed half-way. */
  'assemble-s3': benchAssembleS3,
  /** One tile: Tilewright, rio-tiler, GDAL, and decoding and encoding alone. */
  render: benchRender,
  /** Peak memory of a render process: 1,000 scenes over one metatile, and a long run. */
  memory: benchMemory,
  /** Two render processes against one, the whole of `province`. */
  processes: benchProcesses,
  /** Two worker processes on Redis and S3 beside gdal raster tile, gdal2tiles and mapproxy-seed, each with two. */
  peers: benchPeers,
  /** Two worker processes on Redis and S3 against one, the whole of `province`. */
  workers: benchWorkers,
  /** Runs of 1e6, 1e8 and 1e9 tiles with a renderer that costs nothing. */
  scale: benchScale,
  /** A run while processes, Redis, S3 and the STAC API fail, with default settings. */
  chaos: benchChaos,
  /** Seconds from SIGTERM to exit, in the midst of real rendering. */
  shutdown: benchShutdown,
  /** Memory, handles and connections of a worker over 10,000 metatiles. */
  leaks: benchLeaks,
  /** Milliseconds to warp one tile, by kernel and sample type. */
  micro: benchWarp,
  /** PNG tiles, ours beside sharp's: milliseconds and bytes. */
  png: benchPng,
  /** Directories and assembling of archives of 1 and 20 million tiles. */
  directories: benchDirectories,
  /** Looks at a catalog of 100,000 items in which nothing has changed. */
  watch: benchWatch,
  /** A month of a catalog on stac-fastapi-pgstac, with outages and kills; after each day compared with a full render. */
  'watch-month': benchWatchMonth,
  /** 100,000 damaged COGs: what reading each ends in. */
  fuzz: benchFuzz,
};

const names = process.argv.slice(2);
for (const name of names.length === 0 ? Object.keys(BENCHES) : names) {
  const bench = BENCHES[name];
  if (bench === undefined) {
    process.stderr.write(`No benchmark ${name}; there are ${Object.keys(BENCHES).join(', ')}\n`);
    process.exit(2);
  }
  await bench();
}

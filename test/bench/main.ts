import { benchFuzz } from './fuzz.ts';
import { benchMemory } from './memory.ts';
import { benchPng } from './png.ts';
import { benchProcesses } from './processes.ts';
import { benchReal } from './real.ts';
import { benchRender } from './render.ts';
import { benchWarp } from './warp.ts';
import { benchWhole } from './whole.ts';

/** Benchmarks by name: `npm run bench -- NAME`. None asserts a time; each prints what it did beside how long it took. */
const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  /** Both real mosaics, both engines, one and two processes, outputs compared byte for byte. */
  seed: benchReal,
  /** Whole runs beside `gdal raster tile`, geotiff2pmtiles and rio-tiler, each tool on one core. */
  whole: benchWhole,
  /** One tile: Tilewright, rio-tiler, GDAL, and decoding and encoding alone. */
  render: benchRender,
  /** Peak memory of a render process: 1,000 scenes over one metatile, and a long run. */
  memory: benchMemory,
  /** Two render processes against one, the whole of `province`. */
  processes: benchProcesses,
  /** Milliseconds to warp one tile, by kernel and sample type. */
  micro: benchWarp,
  /** PNG tiles, ours beside sharp's: milliseconds and bytes. */
  png: benchPng,
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

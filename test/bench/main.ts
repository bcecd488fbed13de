import { benchFuzz } from './fuzz.ts';
import { benchPng } from './png.ts';
import { benchReal } from './real.ts';
import { benchWarp } from './warp.ts';
import { benchWhole } from './whole.ts';

/** Benchmarks by name: `npm run bench -- NAME`. None asserts a time; each prints what it did beside how long it took. */
const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  /** Both real mosaics, both engines, one and two processes, outputs compared byte for byte. */
  seed: benchReal,
  /** Whole runs beside `gdal raster tile`, each tool on one core. */
  whole: benchWhole,
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

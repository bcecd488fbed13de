import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesOf } from './workloads.ts';
import type { Workload } from './workloads.ts';

/** What `mapproxy-seed` is started with, and where its tiles go. */
interface MapProxyFiles {
  readonly configuration: string;
  readonly seeding: string;
  readonly output: string;
}

/**
 * Writes what MapProxy needs for a workload. It reads no files by itself: MapServer, as a program, renders each metatile
 * of 8 x 8 tiles from them, with their overviews, in every zoom. Metatiles are written whole, with what is empty in them.
 */
export async function writeMapProxy(workload: Workload, folder: string, mapserv: string): Promise<MapProxyFiles> {
  const { area, minzoom, maxzoom, tileSize, resampling } = workload;
  const map = join(folder, 'tiles.map');
  const program = join(folder, 'mapserv');
  const settings = join(folder, 'mapserver.conf');
  // MapServer 8 reads no map file without a file that allows it.
  await writeFile(settings, 'CONFIG ENV MS_MAP_PATTERN "." END END');
  await writeFile(program, `#!/bin/sh\nMAPSERVER_CONFIG_FILE=${settings} exec ${mapserv}\n`);
  await chmod(program, 0o755);
  await writeFile(map, mapFileOf(workload));
  const output = join(folder, 'tiles');
  const layers = filesOf(workload).map((_, n) => `file-${n}`);
  const configuration = {
    services: { demo: null },
    layers: [{ name: 'tiles', title: 'tiles', sources: ['tiles'] }],
    caches: {
      tiles: {
        grids: ['mercator'],
        sources: ['files'],
        format: 'image/png',
        meta_size: [8, 8],
        meta_buffer: 0,
        cache: { type: 'file', directory: output, directory_layout: 'tms' },
      },
    },
    sources: { files: { type: 'mapserver', req: { map, layers: layers.join(','), transparent: true } } },
    grids: { mercator: { base: 'GLOBAL_WEBMERCATOR', tile_size: [tileSize, tileSize] } },
    globals: {
      mapserver: { binary: program, working_dir: folder },
      image: { resampling_method: resampling, paletted: false },
      cache: { base_dir: folder, lock_dir: join(folder, 'locks') },
    },
  };
  const seeding = {
    seeds: {
      all: { caches: ['tiles'], grids: ['mercator'], levels: { from: minzoom, to: maxzoom }, coverages: ['area'] },
    },
    coverages: { area: { bbox: area, srs: 'EPSG:4326' } },
  };
  const paths = { configuration: join(folder, 'mapproxy.yaml'), seeding: join(folder, 'seed.yaml'), output };
  // YAML takes JSON as it is.
  await writeFile(paths.configuration, JSON.stringify(configuration));
  await writeFile(paths.seeding, JSON.stringify(seeding));
  return paths;
}

/** A layer for each file, each in its own coordinate system; what comes last is on top. */
function mapFileOf(workload: Workload): string {
  const { nodata, resampling } = workload;
  const files = filesOf(workload);
  const layers = files
    .toReversed()
    .map((file, n) =>
      [
        `LAYER NAME "file-${n}" TYPE RASTER STATUS ON DATA "${file}"`,
        'PROJECTION AUTO END',
        `PROCESSING "RESAMPLE=${resampling.toUpperCase()}"`,
        nodata === null ? '' : `OFFSITE ${nodata} ${nodata} ${nodata}`,
        'END',
      ].join('\n'),
    );
  return `MAP NAME "tiles" STATUS ON SIZE 256 256 MAXSIZE 8192
EXTENT -20037508 -20037508 20037508 20037508
PROJECTION "init=epsg:3857" END
OUTPUTFORMAT NAME "png" DRIVER "AGG/PNG" MIMETYPE "image/png" IMAGEMODE RGBA EXTENSION "png" TRANSPARENT ON END
WEB METADATA "wms_title" "tiles" "wms_srs" "EPSG:3857" "wms_enable_request" "*" END END
${layers.join('\n')}
END
`;
}

import { worksOf } from '../../src/tms/cover-works.ts';
import { createCover } from '../../src/tms/cover.ts';
import type { MetatileWork } from '../../src/tms/metatile.ts';
import { tileBbox } from '../../src/tms/web-mercator-quad.ts';
import type { RenderSource } from './render-sources.ts';

/** One line of the table. */
export interface RenderCase {
  readonly source: RenderSource;
  readonly z: number;
  readonly kernel: 'nearest' | 'bilinear' | 'cubic';
  readonly format: 'png' | 'webp' | 'jpeg';
  readonly selection: 'first' | 'mean';
}

/** The zoom at which a pixel of a tile is 13 m of ground, of the sources 20 m; the next two are one and two levels out. */
export const NATIVE_ZOOM = 13;

const PLAIN = { z: NATIVE_ZOOM, kernel: 'bilinear', format: 'png', selection: 'first' } as const;

/** A selection that takes some minutes: from the plain case, each thing changed by itself. */
export function fewCases(sources: readonly RenderSource[], mosaic: RenderSource): readonly RenderCase[] {
  const find = (name: string, codec: string): RenderSource =>
    sources.find((source) => source.name.startsWith(name) && source.codec === codec)!;
  const utm = find('UTM uint8', 'DEFLATE');
  return [
    { ...PLAIN, source: utm },
    { ...PLAIN, source: utm, kernel: 'nearest' },
    { ...PLAIN, source: utm, kernel: 'cubic' },
    { ...PLAIN, source: utm, z: NATIVE_ZOOM - 1 },
    { ...PLAIN, source: utm, z: NATIVE_ZOOM - 2 },
    { ...PLAIN, source: utm, format: 'webp' },
    { ...PLAIN, source: utm, format: 'jpeg' },
    { ...PLAIN, source: find('UTM uint8', 'JPEG') },
    { ...PLAIN, source: find('UTM uint8', 'ZSTD') },
    { ...PLAIN, source: find('UTM uint16', 'DEFLATE') },
    { ...PLAIN, source: find('EPSG:3857', 'DEFLATE') },
    { ...PLAIN, source: find('EPSG:4326', 'DEFLATE') },
    { ...PLAIN, source: mosaic },
    { ...PLAIN, source: mosaic, selection: 'mean' },
  ];
}

/** Everything with everything: several hundred lines. */
export function allCases(sources: readonly RenderSource[], mosaic: RenderSource): readonly RenderCase[] {
  const cases: RenderCase[] = [];
  for (const source of sources) {
    for (const out of [0, 1, 2]) {
      for (const kernel of ['nearest', 'bilinear', 'cubic'] as const) {
        for (const format of ['png', 'webp', 'jpeg'] as const)
          cases.push({ source, z: NATIVE_ZOOM - out, kernel, format, selection: 'first' });
      }
    }
  }
  return [...cases, { ...PLAIN, source: mosaic }, { ...PLAIN, source: mosaic, selection: 'mean' }];
}

/** The middle of scene A in degrees, and a box of it that has data all over. */
const MIDDLE = [12.16, 45.5] as const;
const FULL = [11.6, 45.06, 12.72, 45.97] as const;

/** The metatile of 8x8 tiles near the middle of the scene with the most tiles that are full, and those tiles. */
export function workAtZoom(z: number): MetatileWork {
  const [lng, lat] = MIDDLE;
  const reach = 0.4;
  const bbox = [lng - reach, lat - reach, lng + reach, lat + reach] as const;
  const cover = createCover({ area: { kind: 'bbox', bbox: FULL }, minzoom: z, maxzoom: z, metatileSize: 8 });
  const works = [...worksOf(cover)].map((work) => ({
    ...work,
    tiles: work.tiles.filter((tile) => isWithin(tileBbox(tile), FULL)),
  }));
  const middling = works.filter(({ tiles }) => tiles.some((tile) => isWithin(tileBbox(tile), bbox)));
  const [most] = middling.toSorted((a, b) => b.tiles.length - a.tiles.length);
  if (most === undefined) throw new Error(`No tile of zoom ${z} lies in the scene`);
  return most;
}

type Box = readonly [number, number, number, number];

function isWithin([west, south, east, north]: Box, box: Box): boolean {
  return west >= box[0] && south >= box[1] && east <= box[2] && north <= box[3];
}

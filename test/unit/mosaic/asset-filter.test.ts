import type { MultiPolygon } from 'geojson';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Bbox } from '../../../src/geo/bbox.ts';
import { footprintSlack, growBbox, MAX_FOOTPRINT_SLACK, scenesTouching } from '../../../src/mosaic/asset-filter.ts';
import type { Scene } from '../../../src/mosaic/scene.ts';
import { itemToScene } from '../../../src/stac/accessor.ts';
import { boxItem, readItem } from '../../support/stac-items.ts';

function sceneOf(id: string, bbox: Bbox, fields: object = {}): Scene {
  const item = readItem({ ...boxItem(id, bbox), ...fields });
  const scene = itemToScene(item, { assets: ['visual'], onMissingAsset: 'error', searchUrl: 'http://stac.test/' });
  if (scene === null) throw new Error('a scene with its asset is not skipped');
  return scene;
}

function touching(bbox: Bbox, ...scenes: readonly Scene[]): readonly string[] {
  return scenesTouching(scenes, bbox).map(({ itemId }) => itemId);
}

function multi(...ring: readonly (readonly [number, number])[]): MultiPolygon {
  return { type: 'MultiPolygon', coordinates: [[[...ring, ring[0] ?? [0, 0]].map(([lng, lat]) => [lng, lat])]] };
}

/** The corners of Sentinel-2's tile 33TWM: 110 km of UTM 33N whose northern edge bends 250 m beyond the line between them. */
const UTM_TILE = multi([15.0, 45.958], [16.4161, 45.9452], [16.4425, 46.9325], [15.0, 46.9462]);

describe('scenesTouching', () => {
  test('keeps the order, and scenes that may be anywhere', () => {
    const anywhere = sceneOf('anywhere', [0, 0, 1, 1], { geometry: null, bbox: null });
    const scenes = [sceneOf('z', [0, 0, 2, 2]), anywhere, sceneOf('far', [5, 5, 6, 6]), sceneOf('a', [1, 1, 3, 3])];
    expect(touching([0.5, 0.5, 1.5, 1.5], ...scenes)).toEqual(['z', 'anywhere', 'a']);
  });

  test('sharing an edge or a corner is not touching', () => {
    const scenes = [sceneOf('west', [0, 0, 1, 1]), sceneOf('east', [1, 0, 2, 1]), sceneOf('north', [0, 1, 1, 2])];
    expect(touching([0, 0, 1, 1], ...scenes)).toEqual(['west']);
    expect(touching([0, 0, 1 + 1e-6, 1], ...scenes)).toEqual(['west', 'east']);
  });

  test('sees over the antimeridian', () => {
    const scenes = [
      sceneOf('east', [179, 0, 180, 1]),
      sceneOf('west', [-180, 0, -179, 1]),
      sceneOf('zero', [0, 0, 1, 1]),
    ];
    expect(touching([179.5, 0, -179.5, 1], ...scenes)).toEqual(['east', 'west']);
    expect(touching([-180, 0, -179.5, 1], ...scenes)).toEqual(['west']);
    expect(touching([-180, 0, 180, 1], ...scenes)).toEqual(['east', 'west', 'zero']);
  });

  test('finds the pixels of a UTM scene that lie outside the straight lines between its corners', () => {
    const scene = sceneOf('utm', [0, 0, 1, 1], { geometry: { type: 'Polygon', coordinates: UTM_TILE.coordinates[0] } });
    const [lng, chord] = [15.72, 46.9394];
    expect(touching([lng - 0.001, chord + 0.0005, lng + 0.001, chord + 0.002], scene)).toEqual(['utm']);
    expect(touching([lng - 0.001, chord + 0.005, lng + 0.001, chord + 0.006], scene)).toEqual([]);
  });
});

describe('footprintSlack', () => {
  test('is the bend of a UTM edge: 250 m for a Sentinel-2 tile at 46.9°', () => {
    expect(footprintSlack(UTM_TILE)).toBeGreaterThan(250);
    expect(footprintSlack(UTM_TILE)).toBeLessThan(300);
  });

  test('is nothing where all edges are parallels and meridians', () => {
    expect(footprintSlack(multi([-180, -85], [180, -85], [180, 85], [-180, 85]))).toBe(0);
  });

  test('is bounded', () => {
    expect(footprintSlack(multi([0, 60], [80, 61], [81, 89], [1, 90]))).toBe(MAX_FOOTPRINT_SLACK);
  });
});

describe('growBbox', () => {
  test('wraps at the antimeridian and stops at the poles', () => {
    const [west, south, east, north] = growBbox([-180, 89.99, -179, 90], 2000);
    expect(west).toBeLessThan(180);
    expect(west).toBeGreaterThan(150);
    expect(east).toBeGreaterThan(-179);
    expect(south).toBeCloseTo(89.99 - 0.018, 3);
    expect(north).toBe(90);
  });

  test('becomes the whole circle instead of meeting itself', () => {
    expect(growBbox([-179.999, 0, 179.999, 1], 2000).slice(0, 3)).toEqual([-180, expect.any(Number), 180]);
    expect(growBbox([0, 0, 1, 1], 0)).toEqual([0, 0, 1, 1]);
  });

  test('whatever touches a small box, grown by its slack, touches the larger one grown by the most', () => {
    const box = fc.record({
      west: fc.double({ min: -180, max: 179, noNaN: true }),
      south: fc.double({ min: -85, max: 84, noNaN: true }),
    });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(box, share, share, ({ west, south }, inside, slack) => {
        const outer = growBbox([west, south, west + 1, south + 1], MAX_FOOTPRINT_SLACK);
        const inner = growBbox(
          [west, south + inside / 2, west + 0.5, south + 0.5 + inside / 2],
          MAX_FOOTPRINT_SLACK * slack,
        );
        // What the last digits of degrees are good for.
        const rounding = 1e-9;
        const offset = (lng: number): number => ((lng - outer[0] + 720) % 360) - rounding;
        expect(offset(inner[0])).toBeLessThanOrEqual(offset(inner[2]));
        expect(offset(inner[2])).toBeLessThanOrEqual((outer[2] - outer[0] + 720) % 360);
        expect(inner[1]).toBeGreaterThanOrEqual(outer[1] - rounding);
        expect(inner[3]).toBeLessThanOrEqual(outer[3] + rounding);
      }),
    );
  });
});

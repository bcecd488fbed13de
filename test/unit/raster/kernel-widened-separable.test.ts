import { describe, expect, test } from 'vitest';
import { createGridMapping, createSeparableMapping, type Project } from '../../../src/raster/inverse-mapping.ts';
import { createRaster, type Dtype, type Raster } from '../../../src/raster/raster.ts';
import { warp } from '../../../src/raster/warp.ts';

/** A source whose pixels differ everywhere, with holes or partly transparent pixels where `maskOf` says so. */
function source(dtype: Dtype, maskOf: (n: number) => number): Raster {
  const raster = createRaster(97, 83, dtype, 2);
  raster.bands.forEach((band, b) => {
    for (let n = 0; n < band.length; n++) band[n] = (n * 7919 + b * 31) % 251;
  });
  for (let n = 0; n < raster.mask.length; n++) raster.mask[n] = maskOf(n);
  return raster;
}

function both(raster: Raster, resampling: 'bilinear' | 'cubic', project: Project, scale: { x: number; y: number }) {
  const [width, height] = [24, 20];
  const input = {
    source: raster,
    window: { col: 3, row: 2, width: raster.width, height: raster.height },
    imageWidth: raster.width + 3,
    imageHeight: raster.height + 2,
    width,
    height,
    resampling,
    scale,
  };
  return {
    byLines: warp({ ...input, mapping: createSeparableMapping(project, width, height) }),
    byPixels: warp({ ...input, mapping: createGridMapping(project, width, height, true) }),
  };
}

const MASKS = {
  'no nodata': () => 255,
  holes: (n: number) => (n % 11 === 0 || n % 97 > 60 ? 0 : 255),
  'partial alpha': (n: number) => (n * 37) % 256,
};

const PROJECTS: Readonly<Record<string, Project>> = {
  north: (xs, ys) => xs.forEach((x, i) => ([xs[i], ys[i]] = [x * 4.3 - 1.7, ys[i]! * 4.1 + 0.4])),
  'mirrored and anisotropic': (xs, ys) => xs.forEach((x, i) => ([xs[i], ys[i]] = [99 - x * 4.2, 80 - ys[i]! * 1.3])),
};

describe.each(Object.keys(MASKS) as (keyof typeof MASKS)[])('a widened kernel over %s', (mask) => {
  test.each(['bilinear', 'cubic'] as const)('%s gives line by line what it gives pixel by pixel', (resampling) => {
    for (const dtype of ['uint8', 'float32'] as const) {
      for (const [name, project] of Object.entries(PROJECTS)) {
        const scale = name === 'north' ? { x: 1 / 4.3, y: 1 / 4.1 } : { x: 1 / 4.2, y: 1 / 1.3 };
        const { byLines, byPixels } = both(source(dtype, MASKS[mask]), resampling, project, scale);
        expect(byLines).not.toBeNull();
        expect(byLines).toEqual(byPixels);
      }
    }
  });
});

import type { Cog } from '../../src/cog/cog.ts';
import { createSamples, type Raster, type Samples } from '../../src/raster/raster.ts';

export interface MemoryCogOptions extends Pick<Cog, 'crs' | 'transform'> {
  /** Full size first; the mask of each says where it has data. */
  readonly levels: readonly Raster[];
}

/** A COG over rasters in memory. It refuses windows that do not lie in their level, as a real one does. */
export function memoryCog({ crs, transform, levels }: MemoryCogOptions): Cog {
  const [full] = levels;
  if (full === undefined) throw new RangeError('a COG has at least one level');
  return {
    label: 'memory',
    files: [{ suffix: '', version: '"1"' }],
    crs,
    transform,
    levels: levels.map(({ width, height }) => ({ width, height, blockWidth: width, blockHeight: height })),
    bandCount: full.bands.length,
    dtype: full.dtype,
    nodata: null,
    colormap: null,
    bandScales: full.bands.map(() => ({ scale: 1, offset: 0 })),
    masking: 'mask',
    pictureFormat: null,
    async prefetch() {},
    async readPictures(_level, windows) {
      return await Promise.resolve(windows.map(() => null));
    },
    isEmptyWindow() {
      return false;
    },
    async readWindow({ level, window, bands }) {
      const raster = levels[level]!;
      const { col, row, width, height } = window;
      if (col < 0 || row < 0 || width < 1 || height < 1 || col + width > raster.width || row + height > raster.height) {
        throw new RangeError(`window ${JSON.stringify(window)} is not in ${raster.width} x ${raster.height} pixels`);
      }
      const cut = <T extends Samples>(source: T, target: T): T => {
        for (let line = 0; line < height; line++) {
          const start = (row + line) * raster.width + col;
          target.set(source.subarray(start, start + width), line * width);
        }
        return target;
      };
      return await Promise.resolve({
        width,
        height,
        dtype: raster.dtype,
        bands: bands.map((band) => cut(raster.bands[band - 1]!, createSamples(raster.dtype, width * height))),
        mask: cut(raster.mask, new Uint8Array(width * height)),
      });
    },
    async [Symbol.asyncDispose]() {},
  };
}

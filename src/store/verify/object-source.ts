import type { RangeSource } from '../../cog/range-source.ts';
import { TilerError } from '../../errors.ts';
import type { ReadableObjects } from './tileset-tiles.ts';

/** An object of a store as a range source. One that is not there is `ASSET_NOT_FOUND`. The store stays open. */
export function objectSource(objects: ReadableObjects, path: string): RangeSource {
  const label = `${objects.label}/${path}`;
  return {
    label,
    async read(offset, length, options) {
      const bytes = await objects.read(path, offset, length, options);
      if (bytes !== null) return bytes;
      throw new TilerError('ASSET_NOT_FOUND', `Reading ${label}: it is not there`);
    },
    version: () => null,
    async [Symbol.asyncDispose]() {},
  };
}

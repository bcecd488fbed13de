import { undiciParts } from '../src/cog/undici-parts.ts';

/**
 * Loads what metatiles of most runs need, before the first of them is taken: while a package is loaded the event loop is
 * held, up to 140 ms for these, and signs of life, locks and metatiles under way would wait for it. What a run of
 * `tilewright render` need not load is loaded by whoever needs it.
 */
export async function loadAhead(): Promise<void> {
  undiciParts();
  await Promise.all([import('geotiff'), import('../src/store/s3-store.ts'), import('../src/store/archive-store.ts')]);
}

import { isTilerError, TilerError } from '../../src/errors.ts';
import { createIoCounters } from '../../src/observe.ts';
import { CleanupStack } from '../cleanup-stack.ts';
import { createOpenRanges } from '../open-ranges.ts';
import { placeOfArchive } from '../place-of-archive.ts';
import { mbtilesPathOf, openFolder, requestNamed } from '../tilesets/tileset-place.ts';
import type { OpenPlaceOptions } from '../tilesets/tileset-place.ts';
import { ArchivePreview } from './archive-preview.ts';
import { StorePreview } from './store-preview.ts';
import type { PreviewSource } from './tileset-view.ts';

/** What a target can be, for messages. */
const PREVIEW_DESCRIPTION = 'a folder of tiles, .pmtiles, .mbtiles, or a request (.json)';

/**
 * Opens what a user wants to look at: a folder or `s3://bucket/prefix` of tiles, a PMTiles archive in a file, on an HTTP
 * server or in S3, an MBTiles file, or the output of a request that is in a file.
 *
 * @throws TilerError `REQUEST_INVALID` if there is no tileset of pictures, and those of the place
 */
export async function openPreviewSource(target: string, options: OpenPlaceOptions): Promise<PreviewSource> {
  const place = (await requestNamed(target, options))?.output ?? target;
  const source = await openPlace(place, options);
  try {
    await source.view(null, options);
    return source;
  } catch (error) {
    await source[Symbol.asyncDispose]();
    if (!isTilerError(error) || error.code !== 'ASSET_NOT_FOUND') throw error;
    throw new TilerError('REQUEST_INVALID', `Previewing ${source.label}: found no tileset there`, { cause: error });
  }
}

async function openPlace(place: string, options: OpenPlaceOptions): Promise<PreviewSource> {
  const { config, cwd, signal } = options;
  if (/\.mbtiles$/i.test(place)) {
    const { MbtilesPreview } = await import('./mbtiles-preview.ts');
    return new MbtilesPreview(mbtilesPathOf(place, cwd), { signal });
  }
  if (/^https?:\/\//i.test(place) || /\.pmtiles$/i.test(place)) {
    const { href, fileRoot } = placeOfArchive(place, cwd);
    const cleanup = new CleanupStack();
    const ranges = cleanup.use(createOpenRanges(config, { counters: createIoCounters(), fileRoot }));
    const archive = new ArchivePreview(href, ranges.open, { signal });
    cleanup.use(archive);
    return withCleanup(archive, cleanup);
  }
  return new StorePreview(await openFolder(place, options, PREVIEW_DESCRIPTION), { signal });
}

function withCleanup(source: PreviewSource, cleanup: CleanupStack): PreviewSource {
  return {
    label: source.label,
    view: (versionId, options) => source.view(versionId, options),
    versions: (options) => source.versions(options),
    document: (name, options) => source.document(name, options),
    [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
  };
}

import { isTilerError, TilerError } from '../errors.ts';
import { FILE_ABSENT, type CogFile, type SidecarSuffix } from './cog.ts';
import { imageLayoutOf, type ImageLayout } from './image-layout.ts';
import type { CogLimits } from './limits.ts';
import { numberOf, parseDirectories } from './parse-directories.ts';
import type { RangeSource } from './range-source.ts';
import { readTiffHeader } from './tiff-header.ts';

/** What may lie in a file beside a COG, named as GDAL names it: overviews in `.ovr`, a mask in `.msk`. */
export type Sidecar = 'ovr' | 'msk';

/** Which sidecars of a COG are looked for, and how one is opened. */
export interface SidecarOptions {
  readonly kinds: readonly Sidecar[];
  readonly open: (suffix: SidecarSuffix) => RangeSource;
}

/** The sidecars that there are. */
export interface SidecarFiles {
  /** The first one is file 1 of the COG's files; file 0 is the COG itself. */
  readonly sources: readonly RangeSource[];
  /** All of them overviews; those of masks are masks besides. */
  readonly images: readonly ImageLayout[];
  /** Those that were looked for, also where there is none. */
  readonly files: readonly CogFile[];
}

/**
 * The href of a sidecar: the ending goes behind the path and the query stays, which serves where one signature is good
 * for a whole folder. The key of an S3 object has no query.
 */
export function sidecarHref(href: string, suffix: SidecarSuffix): string {
  const end = /^s3:/iu.test(href) ? -1 : href.search(/[?#]/u);
  return end < 0 ? href + suffix : href.slice(0, end) + suffix + href.slice(end);
}

/**
 * Opens the sidecars of a COG. One that does not exist is left out: that is an answer, not a failure. Every other failure
 * is one, also that a file may not be read, as some stores answer for what does not exist. The sources belong to the
 * caller; where opening fails they are disposed of.
 *
 * Cost: one request for each, also for one that does not exist.
 *
 * @throws TilerError `ASSET_CORRUPT`, `ASSET_UNSUPPORTED`, `BYTES_LIMIT`, and those of `RangeSource.read`
 */
export async function openSidecars(
  { kinds, open }: SidecarOptions,
  options: { readonly limits: CogLimits; readonly signal: AbortSignal },
): Promise<SidecarFiles> {
  const sources: RangeSource[] = [];
  const images: ImageLayout[] = [];
  const files: CogFile[] = [];
  const add = async (suffix: SidecarSuffix): Promise<readonly ImageLayout[]> => {
    const source = open(suffix);
    sources.push(source);
    const found = await readSidecar(source, suffix, { ...options, file: sources.length });
    files.push({ suffix, version: found === null ? FILE_ABSENT : source.version() });
    if (found === null) await sources.pop()![Symbol.asyncDispose]();
    images.push(...(found ?? []));
    return found ?? [];
  };
  try {
    if (kinds.includes('ovr')) await add('.ovr');
    if (kinds.includes('msk') && (await add('.msk')).length === 1) await add('.msk.ovr');
  } catch (error) {
    for (const source of sources) await source[Symbol.asyncDispose]();
    throw error;
  }
  return { sources, images, files };
}

async function readSidecar(
  source: RangeSource,
  suffix: SidecarSuffix,
  { limits, signal, file }: { readonly limits: CogLimits; readonly signal: AbortSignal; readonly file: number },
): Promise<readonly ImageLayout[] | null> {
  const { label } = source;
  let header;
  try {
    header = await readTiffHeader(source, limits, signal);
  } catch (error) {
    if (isTilerError(error) && error.code === 'ASSET_NOT_FOUND') return null;
    throw error;
  }
  const { littleEndian } = header;
  const directories = await parseDirectories(header, label);
  return directories.map((directory, index) => {
    const isMask = suffix !== '.ovr' || (numberOf(directory, 254, 0) & 4) !== 0;
    const layout = imageLayoutOf(directory, index, { label, littleEndian, limits, file, isMask });
    if (isMask && layout.samples > 1) {
      const found = `it holds ${layout.samples} masks; read is one for all bands`;
      throw new TilerError('ASSET_UNSUPPORTED', `Opening ${label}: ${found}`, { context: { href: label } });
    }
    return { ...layout, isOverview: true };
  });
}

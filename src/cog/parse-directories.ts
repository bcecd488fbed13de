import type { ImageFileDirectory } from 'geotiff';
import { TilerError, isAbortError, isTilerError } from '../errors.ts';
import type { TiffHeader } from './tiff-header.ts';

/** Serves the parser from the header in memory. No fetch reaches the file, so that opening costs what the header cost. */
class HeaderSource {
  readonly #header: TiffHeader;

  constructor(header: TiffHeader) {
    this.#header = header;
  }

  get fileSize(): number | null {
    return null;
  }

  async fetch(slices: readonly { offset: number; length: number }[]): Promise<ArrayBuffer[]> {
    return slices.map(({ offset, length }) => {
      const bytes = this.#header.slice(offset, length);
      // The parser asks for this much where it does not know how long a directory is; a longer value must be all there.
      const isGuess = length <= 4048;
      if (bytes === null || (bytes.length < length && !isGuess)) {
        throw new RangeError(`${length} bytes at ${offset} are outside of the directories`);
      }
      return bytes.buffer;
    });
  }

  async fetchSlice(slice: {
    offset: number;
    length: number;
  }): Promise<{ offset: number; length: number; data: ArrayBuffer }> {
    const [data] = await this.fetch([slice]);
    return { ...slice, data: data ?? new ArrayBuffer(0) };
  }

  async close(): Promise<void> {}
}

/**
 * Parses the directories of a checked header with geotiff.js, all values at once: its deferred values cost a request
 * for every block, and are read as little-endian in every file.
 *
 * @throws TilerError `ASSET_CORRUPT`
 */
export async function parseDirectories(header: TiffHeader, label: string): Promise<readonly ImageFileDirectory[]> {
  const { GeoTIFF } = await import('geotiff');
  try {
    const tiff = await GeoTIFF.fromSource(new HeaderSource(header));
    tiff.parser.eager = true;
    const directories: ImageFileDirectory[] = [];
    for (let index = 0; index < header.directoryOffsets.length; index += 1)
      directories.push(await tiff.requestIFD(index));
    return directories;
  } catch (error) {
    throw fromGeotiffError(error, label);
  }
}

/** Translates what geotiff.js throws: it has no types of its own, and a damaged file shows itself in many ways. */
export function fromGeotiffError(error: unknown, label: string): unknown {
  if (isTilerError(error) || isAbortError(error)) return error;
  const found = error instanceof Error ? error.message : 'a failure without a message';
  return new TilerError('ASSET_CORRUPT', `Opening ${label}: its directories cannot be read: ${found}`, {
    context: { href: label },
    cause: error,
  });
}

/** One number of a tag; `fallback` where the tag is absent. */
export function numberOf(directory: ImageFileDirectory, tag: number, fallback: number): number {
  const value: unknown = directory.actualizedFields.get(tag);
  if (typeof value === 'number') return value;
  return isNumbers(value) && value.length > 0 ? (value[0] ?? fallback) : fallback;
}

/** All numbers of a tag; null where it is absent. */
export function numbersOf(directory: ImageFileDirectory, tag: number): ArrayLike<number> | null {
  const value: unknown = directory.actualizedFields.get(tag);
  if (typeof value === 'number') return [value];
  return isNumbers(value) ? value : null;
}

/** The text of a tag without its final NUL; null where it is absent. */
export function textOf(directory: ImageFileDirectory, tag: number): string | null {
  const value: unknown = directory.actualizedFields.get(tag);
  return typeof value === 'string' ? value.replace(/\0[\s\S]*$/u, '') : null;
}

function isNumbers(value: unknown): value is ArrayLike<number> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

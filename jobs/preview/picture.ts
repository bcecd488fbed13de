import { loadSharp } from '../../src/cog/codec/load-sharp.ts';

/** What a tile is. */
export interface Picture {
  /** File ending. */
  readonly extension: string;
  /** Pixels. */
  readonly tileSize: number;
}

const ENDINGS: Readonly<Record<string, string>> = { png: 'png', jpeg: 'jpg', webp: 'webp', heif: 'avif' };

/** Finds out what picture a tile is; null for anything else, such as a vector tile. */
export async function lookAtPicture(bytes: Uint8Array): Promise<Picture | null> {
  const sharp = await loadSharp();
  const found = await sharp(bytes)
    .metadata()
    .catch(() => null);
  const extension = found === null ? undefined : ENDINGS[found.format];
  if (extension === undefined || found === null) return null;
  const { width, height } = found;
  return { extension, tileSize: width === height && width > 0 && width <= 4096 ? width : 256 };
}

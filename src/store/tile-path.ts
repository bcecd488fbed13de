import { TilerError } from '../errors.ts';
import type { Tile } from '../tms/tile.ts';

const DIGITS = '(0|[1-9][0-9]{0,8})';
const DOCUMENT_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/**
 * `z/x/y.extension`, the key of a tile beneath the root of a store: no leading zeros, nothing that leaves the root.
 *
 * @throws TilerError `TILE_OUT_OF_RANGE` if a part of the address is no natural number
 */
export function tileToPath({ z, x, y }: Tile, extension: string): string {
  for (const part of [z, x, y]) {
    if (Number.isSafeInteger(part) && part >= 0 && part < 1e9) continue;
    throw new TilerError('TILE_OUT_OF_RANGE', `Addressing the tile ${z}/${x}/${y}: expected natural numbers`);
  }
  return `${z}/${x}/${y}.${extension}`;
}

/** What a run needs beneath the root of a store; a hidden folder, whose name no tile has. */
export const WORK_FOLDER = '.tilewright';

/** Where the parts of a run lie. */
export function partsFolder(workFolder: string): string {
  return `${workFolder}/parts`;
}

/** The function from the keys of a store back to addresses; `null` for keys that `tileToPath` does not make. */
export function createPathToTile(extension: string): (path: string) => Tile | null {
  const pattern = new RegExp(`^${DIGITS}/${DIGITS}/${DIGITS}\\.${extension}$`);
  return (path) => {
    const match = pattern.exec(path);
    return match === null ? null : { z: Number(match[1]), x: Number(match[2]), y: Number(match[3]) };
  };
}

/**
 * Gives the name of a document back if it is one that a store takes: letters, digits, `-`, `_`, `.`, no leading dot.
 *
 * @throws TilerError `REQUEST_INVALID` for any other
 */
export function checkDocumentName(name: string): string {
  if (DOCUMENT_NAME.test(name)) return name;
  throw new TilerError(
    'REQUEST_INVALID',
    `Naming a document "${name}": expected letters, digits, "-", "_", ".", and no dot in front`,
  );
}

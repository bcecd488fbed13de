import { tileFromTileId } from '../../tms/tile-id.ts';
import type { ProblemList } from '../pmtiles/archive-problems.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import { innerSeams } from './inner-seams.ts';
import type { InnerSeam } from './inner-seams.ts';
import { besideOf, nameOf } from './neighbours.ts';
import { readPictures } from './read-pictures.ts';
import type { TileIdRuns } from './tile-id-runs.ts';
import { compareEdges, edgesOf } from './tile-edges.ts';
import type { TileEdge } from './tile-edges.ts';
import type { TilePicture } from './tile-picture.ts';
import type { TilesetTiles } from './tileset-tiles.ts';

export interface SeamsFound {
  /** Tiles that were decoded. */
  readonly decoded: number;
  /** Edges between two tiles that were compared. */
  readonly edges: number;
  /** The most tiles at a time of which edges were kept. */
  readonly mostKept: number;
}

/** What is kept of a tile until the tiles around it are there. */
interface Kept {
  /** By side; null where there is no tile beyond, or it has been compared. */
  readonly edges: (TileEdge | null)[];
  compared: number;
  jumps: number;
}

/** A tile that does not go on into so many of its neighbours is not where it belongs. */
const JUMPS_OF_A_TILE = 3;

/**
 * Decodes the chosen tiles in the order of their tile IDs and compares each with those beside it, at 180 degrees too.
 *
 * Keeps the edges of tiles whose neighbours are still to come: along the Hilbert curve that is the outline of what has been
 * seen, in a zoom of n tiles at most some 6 √n tiles of 2 KB (of 256 pixels), and column 0 of the world.
 *
 * A seam at 180 degrees is a warning: imagery of the world often ends a little before it.
 *
 * A picture that jumps at one edge may be the border of a scene; a tile counts as out of place if it jumps at three edges or
 * all four, which no border of scenes does.
 *
 * @throws TilerError those of the tileset
 */
export async function findSeams(
  tileset: TilesetTiles,
  chosen: TileIdRuns,
  problems: ProblemList,
  options: StoreCallOptions,
): Promise<SeamsFound> {
  const frontier = new Map<number, Kept>();
  const look = createLook();
  let [decoded, edges, mostKept] = [0, 0, 0];
  const settle = (tileId: number, kept: Kept): void => {
    if (kept.edges.some((edge) => edge !== null)) return;
    frontier.delete(tileId);
    if (kept.jumps < JUMPS_OF_A_TILE) return;
    problems.add('TILE_OUT_OF_PLACE', `${nameOf(tileId)} jumps at ${kept.jumps} of ${kept.compared} edges`);
  };
  for await (const { tileId, picture } of readPictures(tileset, chosen, options)) {
    const besides = besideOf(tileId);
    const looked = picture === null ? null : look(picture);
    const made = looked?.edges ?? null;
    if (looked !== null) {
      decoded++;
      addInnerSeams(tileId, looked.inner, problems);
    }
    const kept: Kept = { edges: [null, null, null, null], compared: 0, jumps: 0 };
    for (const [side, beside] of besides.entries()) {
      if (beside === null || beside === tileId || !chosen.has(beside)) continue;
      const other = frontier.get(beside);
      const theirs = other?.edges[3 - side] ?? null;
      // A neighbour that comes later, or one that went before and could not be decoded.
      if (other === undefined || theirs === null) {
        if (beside > tileId) kept.edges[side] = made?.[side] ?? null;
        continue;
      }
      other.edges[3 - side] = null;
      const mine = made?.[side] ?? null;
      if (mine !== null) {
        edges++;
        const { seam, jumps } = compareEdges(mine, theirs);
        if (seam > 0) {
          const found = `${nameOf(beside)} and ${nameOf(tileId)}: ${seam} uncovered pixels along their edge`;
          problems.add(isAcrossAntimeridian(tileId, beside) ? 'SEAM_AT_ANTIMERIDIAN' : 'SEAM', found);
        }
        for (const tile of [kept, other]) {
          if (jumps !== null) tile.compared++;
          if (jumps === true) tile.jumps++;
        }
      }
      settle(beside, other);
    }
    frontier.set(tileId, kept);
    mostKept = Math.max(mostKept, frontier.size);
    settle(tileId, kept);
  }
  return { decoded, edges, mostKept };
}

function isAcrossAntimeridian(one: number, other: number): boolean {
  return Math.abs(tileFromTileId(one).x - tileFromTileId(other).x) > 1;
}

/** What is to be seen of a picture by itself. */
interface Looked {
  readonly edges: readonly TileEdge[];
  readonly inner: readonly InnerSeam[];
}

/** Looks at every picture once, however many tiles have it. */
function createLook(): (picture: TilePicture) => Looked {
  const known = new WeakMap<TilePicture, Looked>();
  return (picture) => {
    const looked = known.get(picture) ?? { edges: edgesOf(picture), inner: innerSeams(picture) };
    known.set(picture, looked);
    return looked;
  };
}

function addInnerSeams(tileId: number, seams: readonly InnerSeam[], problems: ProblemList): void {
  for (const { direction, length, column, row } of seams) {
    problems.add(
      'SEAM_INSIDE',
      () => `${nameOf(tileId)}: ${length} uncovered pixels in a ${direction} line from column ${column}, row ${row}`,
    );
  }
}

import { isTilerError } from '../errors.ts';
import type { TilerError } from '../errors.ts';
import { sceneName } from '../mosaic/scene-reader.ts';
import type { Scene } from '../mosaic/scene.ts';
import { NO_STAGES, timed } from '../observe.ts';
import type { StageMeter } from '../observe.ts';
import type { SceneLeftOut, TileMosaic } from '../mosaic/tile-state.ts';
import type { Halving } from '../raster/halve.ts';
import { isBlank } from '../raster/mask.ts';
import type { Raster } from '../raster/raster.ts';
import type { MetatileWork } from '../tms/metatile.ts';
import { tilePath } from '../tms/tile.ts';
import type { Tile } from '../tms/tile.ts';
import type { TileEncoder } from './encode/encoder.ts';
import { Parents } from './parents.ts';
import type { TilePixels } from './parents.ts';
import type { ChildParts } from './child-parts.ts';
import { childInputOf } from './make-inputs.ts';
import type { ChildInput } from './metatile-inputs.ts';
import { damaged, decodePart, digestOfPart, encodePart } from './part.ts';
import type { StyleRaster } from './style.ts';
import type { EncodedTile, LeftOutScene, PartStore, TileSink } from './tile-renderer.ts';

/** Where the tiles of a metatile end up. */
export interface TileEnds {
  readonly sink: TileSink;
  readonly fail: (tile: Tile, error: TilerError) => void;
  /** What one tile, rendered or empty, is without. */
  readonly leaveOut: (scenes: readonly LeftOutScene[]) => void;
}

/** The tiles of a work, without where they lie. */
export type TilesOfWork = Pick<MetatileWork, 'children' | 'tiles' | 'parents' | 'handedOn'>;

interface OutputParts {
  readonly style: StyleRaster;
  readonly encoder: TileEncoder;
  readonly halving: Halving;
  readonly handedOn: PartStore | undefined;
  readonly stages?: StageMeter | undefined;
  readonly signal: AbortSignal;
}

/** What a tile was rendered from; nothing of it is said of a tile that is made of its children. */
interface TileOrigin {
  readonly scenes: readonly Scene[];
  readonly leftOut: readonly SceneLeftOut[];
}

const MADE_OF_TILES: TileOrigin = { scenes: [], leftOut: [] };

/**
 * What becomes of the pixels of a metatile's tiles: each is styled, encoded and handed over, its parents are made as soon
 * as all of their children are known, and the tile that another metatile needs is put where that finds it. Every tile of
 * the work ends in the sink or as a failure, once.
 */
export class MetatileOutput {
  private readonly ends: TileEnds;
  private readonly parts: OutputParts;
  private readonly parents: Parents;
  private partDigest: string | null = null;
  /** `z/x/y` of the tile whose pixels another metatile needs. */
  private readonly handedOn: string | null;

  constructor({ children, tiles, parents, handedOn }: TilesOfWork, ends: TileEnds, parts: OutputParts) {
    this.ends = ends;
    this.parts = parts;
    this.handedOn = handedOn === null ? null : tilePath(handedOn);
    this.parents =
      children === null
        ? new Parents(tiles, parents, parts.halving)
        : new Parents(children, [...tiles, ...parents], parts.halving);
  }

  /** True if the pixels of tiles go anywhere but into the tiles. */
  get wantsPixels(): boolean {
    return this.handedOn !== null || !this.parents.isEmpty;
  }

  /** Of the pixels that were handed on; null = none were so far. */
  get part(): string | null {
    return this.partDigest;
  }

  /** Hands over what is known before any tile is. To be called once, first. */
  async begin(): Promise<void> {
    for (const tile of this.parents.childless) await this.give(tile, null, MADE_OF_TILES);
  }

  /** Takes a tile that was rendered from scenes. */
  async take(tile: Tile, mosaic: TileMosaic): Promise<void> {
    if (mosaic.kind === 'failed') await this.give(tile, mosaic.error, MADE_OF_TILES);
    else if (mosaic.kind === 'passed') await this.give(tile, mosaic.raster, mosaic, mosaic.bytes);
    else if (mosaic.kind === 'empty') await this.give(tile, null, { scenes: [], leftOut: mosaic.leftOut });
    else await this.give(tile, mosaic.raster, mosaic);
  }

  /**
   * Makes the tiles of the children that other metatiles handed on. One that is not there fails what is made of it.
   *
   * @returns what was handed on
   * @throws TilerError those of reading the children
   */
  async takeChildren(children: readonly Tile[], parts: ChildParts): Promise<readonly ChildInput[]> {
    const { signal } = this.parts;
    const inputs: ChildInput[] = [];
    for (const child of children) {
      signal.throwIfAborted();
      const bytes = await parts.take(child, { signal });
      inputs.push(childInputOf(child, bytes === null ? null : digestOfPart(bytes)));
      const made = this.parents.add(child, bytes === null ? damaged(child, 'nothing') : readPart(child, bytes));
      if (made !== null) await this.give(made.tile, made.pixels, MADE_OF_TILES);
    }
    return inputs;
  }

  /** Hands a tile over, and then the parents that are finished by it. */
  private async give(
    tile: Tile,
    pixels: TilePixels,
    origin: TileOrigin,
    block: Uint8Array | null = null,
  ): Promise<void> {
    const made = this.parents.add(tile, pixels);
    await this.handOver(tile, pixels, origin, block);
    if (made !== null) await this.give(made.tile, made.pixels, MADE_OF_TILES);
  }

  private async handOver(
    tile: Tile,
    pixels: TilePixels,
    { scenes, leftOut }: TileOrigin,
    block: Uint8Array | null,
  ): Promise<void> {
    if (isTilerError(pixels)) return this.ends.fail(tile, pixels);
    const { stages = NO_STAGES } = this.parts;
    let encoded: EncodedTile | null = null;
    try {
      if (tilePath(tile) === this.handedOn) await this.handOn(tile, pixels);
      const bytes = block ?? (pixels === null ? null : await timed(stages, 'encode', () => encode(pixels, this.parts)));
      if (bytes !== null) encoded = { tile, bytes, scenes: scenes.map(sceneName) };
    } catch (error) {
      if (isTilerError(error)) return this.ends.fail(tile, error);
      throw error;
    }
    if (leftOut.length > 0) this.ends.leaveOut(leftOut.map(leftOutScene));
    await this.ends.sink(tile, encoded);
  }

  private async handOn(tile: Tile, pixels: Raster | null): Promise<void> {
    const { handedOn, signal } = this.parts;
    if (handedOn === undefined) throw new RangeError('A metatile hands tiles on, and there is nowhere to put them');
    const bytes = encodePart(pixels);
    await handedOn.putPart(tile, bytes, { signal });
    this.partDigest = digestOfPart(bytes);
  }
}

/** The bytes of a tile; null if there is nothing to be seen. */
async function encode(pixels: Raster, { style, encoder }: OutputParts): Promise<Uint8Array | null> {
  const picture = style(pixels);
  // All that is there may be of colours that cannot be seen.
  return isBlank(picture.mask) ? null : await encoder.encode(picture);
}

/** What a part holds, or why that is not known. */
function readPart(child: Tile, bytes: Uint8Array): TilePixels {
  try {
    return decodePart(child, bytes);
  } catch (error) {
    if (isTilerError(error)) return error;
    throw error;
  }
}

function leftOutScene({ scene, error }: SceneLeftOut): LeftOutScene {
  return { scene: sceneName(scene), code: error.code, message: error.message, tiles: 1 };
}

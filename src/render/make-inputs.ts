import type { CogFile } from '../cog/cog.ts';
import { labelOf } from '../cog/href-label.ts';
import { sidecarHref } from '../cog/sidecars.ts';
import { canonicalJson, digestOf } from '../digest.ts';
import { sceneName } from '../mosaic/scene-reader.ts';
import type { OpenScene } from '../mosaic/scene-reader.ts';
import type { Scene } from '../mosaic/scene.ts';
import { pixelsOfVersion } from '../stac/scene-version.ts';
import type { MetatileWork } from '../tms/metatile.ts';
import { tileIdFromTile } from '../tms/tile-id.ts';
import type { Tile } from '../tms/tile.ts';
import type { ChildInput, FileInput, MetatileInputs, SceneInput } from './metatile-inputs.ts';
import { RENDERER_VERSION } from './renderer-version.ts';

/** What a signature is about besides scenes and children. */
export interface SignatureBasis {
  /** Names what the request makes of given scenes. */
  readonly pixelHash: string;
  readonly work: Pick<MetatileWork, 'tiles' | 'parents' | 'handedOn'>;
}

/** What the tiles of a metatile are made of, as far as it is known. */
export interface FoundInputs {
  /** First = on top. */
  readonly scenes?: readonly SceneInput[];
  readonly children?: readonly ChildInput[];
}

/** The inputs of a metatile with their signature. */
export function makeInputs(basis: SignatureBasis, { scenes = [], children = [] }: FoundInputs): MetatileInputs {
  return { signature: signatureOf(basis, { scenes, children }), scenes, children };
}

/** `MetatileInputs.signature`. */
export function signatureOf(
  { pixelHash, work }: SignatureBasis,
  { scenes, children }: Pick<MetatileInputs, 'scenes' | 'children'>,
): string {
  const all = {
    renderer: RENDERER_VERSION,
    pixelHash,
    tiles: work.tiles.map(tileIdFromTile),
    parents: work.parents.map(tileIdFromTile),
    handedOn: work.handedOn === null ? null : tileIdFromTile(work.handedOn),
    // Their order says what they are ordered by as far as it matters.
    scenes: scenes.map(({ scene, version }) => [scene, pixelsOfVersion(version)]),
    children: children.map(({ tileId, digest }) => [tileId, digest]),
  };
  return digestOf(canonicalJson(all));
}

/** A scene that was offered. `files`: those that were opened of it; none = it was not. */
export function sceneInputOf(scene: Scene, files: readonly FileInput[] = []): SceneInput {
  return { scene: sceneName(scene), datetime: scene.datetime, version: scene.version, files };
}

/** The files of an open scene. */
export function filesOf({ assets }: OpenScene): readonly FileInput[] {
  return assets.flatMap(({ ref: { key, href }, cog }) =>
    cog.files.map(({ suffix, version }) => ({ key, href: labelOf(hrefOfFile(href, suffix)), version })),
  );
}

/** The href of a file of which a COG is made. */
export function hrefOfFile(href: string, suffix: CogFile['suffix']): string {
  return suffix === '' ? href : sidecarHref(href, suffix);
}

const NOTHING_WHOLE = '0'.repeat(32);

/** A tile that was handed on. `digest`: of what was found; null = nothing, or nothing whole. */
export function childInputOf(tile: Tile, digest: string | null): ChildInput {
  return { tileId: tileIdFromTile(tile), digest: digest ?? NOTHING_WHOLE };
}

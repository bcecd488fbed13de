import { overviewReach } from '../src/cog/plan-reach.ts';
import { isTilerError } from '../src/errors.ts';
import { sceneName } from '../src/mosaic/scene-reader.ts';
import type { Scene } from '../src/mosaic/scene.ts';
import { mayLeaveOut } from '../src/mosaic/tile-state.ts';
import type { ReadingPipeline } from './pipeline.ts';
import { createPlan } from './plan-jobs.ts';
import type { TilesetRequest } from './request/tileset-request.ts';

/** Items that are asked for, and scenes of them that are opened. */
const MAX_ITEMS = 16;
const MAX_SCENES = 4;

/** The scene of a sample whose overviews reach least far. */
export interface SourceReach {
  /** Lowest zoom that it can be read at without going through more pixels than are shown. */
  readonly zoom: number;
  readonly scene: string;
}

/**
 * Finds out how far the overviews of a request's sources reach, from a sample: the first scenes of the area, by one
 * search of one page. `null` if there is none, or none of them can be opened.
 *
 * Asking comes first in any run, so that a request which the catalog cannot serve is refused before anything is written.
 *
 * @throws TilerError those of `MosaicBackend`, and failures of opening a COG that may pass
 */
export async function findSourceReach(
  request: TilesetRequest,
  { backend, cogs }: Pick<ReadingPipeline, 'backend' | 'cogs'>,
  { signal }: { readonly signal: AbortSignal },
): Promise<SourceReach | null> {
  const scenes = await backend.sampleScenes(createPlan(request).bbox, MAX_ITEMS, { signal });
  let least: SourceReach | null = null;
  for (const scene of scenes.slice(0, MAX_SCENES)) {
    const zoom = await reachOf(scene, request, cogs, signal);
    if (zoom !== null && (least === null || zoom > least.zoom)) least = { zoom, scene: sceneName(scene) };
  }
  return least;
}

/** The worst of a scene's assets; one that cannot be opened says nothing here, and is reported by the tiles that need it. */
async function reachOf(
  scene: Scene,
  request: TilesetRequest,
  cogs: ReadingPipeline['cogs'],
  signal: AbortSignal,
): Promise<number | null> {
  let worst: number | null = null;
  for (const { href } of scene.assets) {
    try {
      const zoom = overviewReach(await cogs.open(href, { signal }), request.tileSize);
      if (zoom !== null) worst = Math.max(worst ?? zoom, zoom);
    } catch (error) {
      signal.throwIfAborted();
      // What may pass must not decide how a tileset is made; if that is decided, it does not matter.
      const decides = request.sourceMinzoom === undefined;
      if (!isTilerError(error) || (decides && !mayLeaveOut(error, { onAssetError: 'skip' }))) throw error;
    }
  }
  return worst;
}

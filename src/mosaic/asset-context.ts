import { isTilerError, withContext } from '../errors.ts';
import type { ErrorContext } from '../errors.ts';
import type { AssetRef, Scene } from './scene.ts';

/** Names a scene in an error. */
export function contextOf({ collection, itemId }: Scene): ErrorContext {
  return collection === null ? { itemId } : { collection, itemId };
}

/** What was thrown under an asset, with the name of that asset. */
export function ofAsset(error: unknown, scene: Scene, { key }: Pick<AssetRef, 'key'>): unknown {
  return isTilerError(error) ? withContext(error, { ...contextOf(scene), assetKey: key }) : error;
}

/** Does something with an asset; what is thrown under it names the asset. */
export async function inAsset<T>(scene: Scene, ref: Pick<AssetRef, 'key'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ofAsset(error, scene, ref);
  }
}

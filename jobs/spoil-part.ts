import type { StoreCallOptions, TileStore } from '../src/store/tile-store.ts';
import type { MetatileWork } from '../src/tms/metatile.ts';

/**
 * Puts what is no part in the place of the one that a metatile of an update has handed on before and failed to hand on now:
 * what is made of it fails too, and is not taken for unchanged.
 *
 * @throws TilerError those of `TileStore`
 */
export async function spoilPart(
  store: Pick<TileStore, 'putPart'>,
  work: Pick<MetatileWork, 'handedOn'> | null,
  options: StoreCallOptions,
): Promise<void> {
  const handedOn = work?.handedOn ?? null;
  if (handedOn !== null) await store.putPart(handedOn, new Uint8Array(), options);
}

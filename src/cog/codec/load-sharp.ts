import type sharp from 'sharp';

type SharpModule = typeof sharp;

let loading: Promise<SharpModule> | null = null;
let isToBeLimited = false;

/** Loads sharp when the first picture needs it: a process that reads and writes none starts in half the time. */
export async function loadSharp(): Promise<SharpModule> {
  loading ??= import('sharp').then((module) => module.default);
  const loaded = await loading;
  if (isToBeLimited) {
    isToBeLimited = false;
    loaded.concurrency(1);
    loaded.cache(false);
  }
  return loaded;
}

/**
 * Sets sharp up for a process of its own per core: one thread for an image, no cache of images that never come again.
 * Changes no byte of the result. Called once, where a process is put together.
 */
export function limitSharp(): void {
  isToBeLimited = true;
}

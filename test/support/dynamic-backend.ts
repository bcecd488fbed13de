import { createDynamicStacBackend } from '../../src/mosaic/dynamic-stac-backend.ts';
import type {
  DynamicStacBackend,
  DynamicStacBackendOptions,
  StacMosaicSource,
} from '../../src/mosaic/dynamic-stac-backend.ts';
import type { Scene } from '../../src/mosaic/scene.ts';
import { createIoCounters } from '../../src/observe.ts';
import type { IoCounters } from '../../src/observe.ts';
import { boxItem } from './stac-items.ts';
import { startStacServer } from './stac-server.ts';
import type { ServedItem, StacServer } from './stac-server.ts';

const open: AsyncDisposable[] = [];

/** Closes what `setUpBackend` opened; for `afterEach`. */
export async function closeBackends(): Promise<void> {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]();
}

/** A backend over a STAC API of its own, and what was asked of it. */
export interface BackendSetup {
  readonly server: StacServer;
  readonly backend: DynamicStacBackend;
  readonly counters: IoCounters;
}

/** Starts a STAC API over some items, with the paging that drops conditions, and opens a backend on its landing page. */
export async function setUpBackend(
  items: readonly ServedItem[],
  mosaic: Partial<StacMosaicSource> = {},
  options: Partial<DynamicStacBackendOptions> = {},
): Promise<BackendSetup> {
  const server = await startStacServer({ items, paging: 'token-body' });
  const counters = createIoCounters();
  const backend = createDynamicStacBackend({
    mosaic: { url: server.url, query: {}, sortby: ['-properties.datetime'], limit: 100, maxItems: 10_000, ...mosaic },
    assets: ['visual'],
    onMissingAsset: 'error',
    counters,
    ...options,
  });
  open.push(server, backend);
  return { server, backend, counters };
}

/** The IDs of scenes, in order. */
export function ids(scenes: readonly Scene[]): readonly string[] {
  return scenes.map(({ itemId }) => itemId);
}

/** A grid of scenes of 4 x 4 degrees over Europe and Africa, a second date over half of them. */
export const GRID = Array.from({ length: 64 }, (_, i) => {
  const west = (i % 8) * 4;
  const south = Math.floor(i / 8) * 4 + 10;
  return [
    boxItem(`old-${i}`, [west, south, west + 4, south + 4], { properties: { datetime: '2024-01-01T00:00:00Z' } }),
    ...(i % 2 === 0 ? [boxItem(`new-${i}`, [west + 1, south + 1, west + 5, south + 5])] : []),
  ];
}).flat();

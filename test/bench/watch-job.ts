import { CatalogListing } from '../../src/mosaic/catalog-listing.ts';
import { createIoCounters } from '../../src/observe.ts';
import { openTileStore } from '../../src/store/open-store.ts';
import { pollCatalog } from '../../jobs/watch/poll-catalog.ts';
import { NONE_LEFT_OUT } from '../../jobs/watch/left-out-again.ts';
import { NOTHING } from '../../jobs/watch/pending-work.ts';
import { isOtherItems } from '../../jobs/watch/watched-items.ts';
import { WatchStateStore } from '../../jobs/watch/watch-state.ts';

/** One look at a catalog, as `watch --once` begins: URL, folder of the state. Prints what it came to. */
const [, , url = '', folder = ''] = process.argv;
const { signal } = new AbortController();
const counters = createIoCounters();
const store = await openTileStore(folder, { extension: 'png', contentType: 'image/png', counters }, { signal });
const state = new WatchStateStore(store, 'bench', signal);
const listing = new CatalogListing({
  mosaic: { url, query: {}, sortby: ['-properties.datetime'], limit: 100, maxItems: 10_000 },
  assets: ['red', 'green', 'blue'],
  onMissingAsset: 'error',
  counters,
});
const startedAt = performance.now();
const { state: found, items } = await state.read();
const readSeconds = (performance.now() - startedAt) / 1000;
const poll = await pollCatalog({
  listing,
  bbox: [-180, -85, 180, 85],
  known: items,
  cursor: found.cursor,
  listedAt: found.listedAt,
  ids: [],
  windowStart: null,
  reconcileMs: null,
  allowDeletions: false,
  now: new Date(),
  signal,
});
const isOther = isOtherItems(items, poll.items);
const polledAt = performance.now();
if (isOther) {
  const { cursor } = poll;
  await state.update(() => ({
    cursor,
    listedAt: null,
    version: null,
    pending: NOTHING,
    running: null,
    leftOut: NONE_LEFT_OUT,
    items: poll.items,
  }));
}
const seconds = (performance.now() - startedAt) / 1000;
process.stdout.write(
  `${JSON.stringify({
    items: poll.items.size,
    changed: poll.changes.added.length + poll.changes.changed.length,
    requests: counters.searches,
    seconds: Number(seconds.toFixed(1)),
    readSeconds: Number(readSeconds.toFixed(1)),
    writeSeconds: Number(((performance.now() - polledAt) / 1000).toFixed(1)),
    cpuSeconds: Number((process.cpuUsage().user / 1e6).toFixed(1)),
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  })}\n`,
);
await listing[Symbol.asyncDispose]();

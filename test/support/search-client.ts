import { createIoCounters } from '../../src/observe.ts';
import type { IoCounters } from '../../src/observe.ts';
import { StacSearchClient } from '../../src/stac/search.ts';
import type { ItemSearch, StacSearchOptions } from '../../src/stac/search.ts';

/** A search of everything, to be narrowed. */
const EVERYTHING: ItemSearch = {
  conditions: {},
  boxes: [[-180, -90, 180, 90]],
  sortby: [],
  limit: 100,
  maxItems: 1000,
};

export interface TestClient extends AsyncDisposable {
  readonly counters: IoCounters;
  /** Waits between attempts that were asked for; none is really waited. */
  readonly waitsMs: readonly number[];
  /** IDs that a search finds, in order. */
  find(search?: Partial<ItemSearch>, signal?: AbortSignal): Promise<readonly string[]>;
}

/** A search client that counts, and that notes its waits instead of waiting. */
export function createTestClient(url: string, options: Partial<StacSearchOptions> = {}): TestClient {
  const counters = createIoCounters();
  const waitsMs: number[] = [];
  const client = new StacSearchClient({
    url,
    counters,
    wait: async (delayMs, signal) => {
      signal.throwIfAborted();
      waitsMs.push(delayMs);
    },
    ...options,
  });
  return {
    counters,
    waitsMs,
    async find(search = {}, signal = new AbortController().signal) {
      return (await client.search({ ...EVERYTHING, ...search }, { signal })).items.map(({ id }) => id);
    },
    [Symbol.asyncDispose]: async () => client[Symbol.asyncDispose](),
  };
}

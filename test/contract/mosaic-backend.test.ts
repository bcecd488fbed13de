import { afterAll, beforeAll, describe } from 'vitest';
import { createDynamicStacBackend } from '../../src/mosaic/dynamic-stac-backend.ts';
import { createIoCounters } from '../../src/observe.ts';
import { startStacServer } from '../support/stac-server.ts';
import type { PagingStyle, StacServer } from '../support/stac-server.ts';
import { CONTRACT_ITEMS, mosaicBackendContract } from './mosaic-backend.contract.ts';

describe.each<PagingStyle>(['token-body', 'get'])('DynamicStacBackend over an API that pages by %s', (paging) => {
  let server: StacServer;

  beforeAll(async () => {
    server = await startStacServer({ items: CONTRACT_ITEMS, paging });
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  mosaicBackendContract(async () =>
    createDynamicStacBackend({
      mosaic: {
        url: server.url,
        query: { collections: ['scenes'] },
        sortby: ['-properties.datetime'],
        limit: 3,
        maxItems: 100,
      },
      assets: ['visual'],
      onMissingAsset: 'error',
      counters: createIoCounters(),
    }),
  );
});

import * as z from 'zod';
import { readDocument, writeDocument } from './local-files.ts';
import { parseTilesetRequest } from '../request/tileset-request.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';

/** An area may be a country in full detail. */
const MAX_BYTES = 128 * 1024 * 1024;

const DocumentSchema = z.object({
  v: z.literal(1),
  request: z.unknown(),
  /** Something was left out that is no one's business, so the run cannot be taken up by this document alone. */
  isRedacted: z.boolean(),
});

/** The request of a local run as it is kept on disk. */
export interface KeptRequest {
  readonly request: TilesetRequest;
  /** The query of its catalog's URL is not in it. */
  readonly isRedacted: boolean;
}

/** Keeps the request of a run beside its journal, without what may be a secret. */
export async function keepRequest(path: string, request: TilesetRequest): Promise<void> {
  const url = new URL(request.mosaic.url);
  // A user and a password are in no request; a token in the query may be.
  const isRedacted = url.search !== '';
  const mosaic = isRedacted ? { ...request.mosaic, url: url.origin + url.pathname } : request.mosaic;
  const document: z.input<typeof DocumentSchema> = { v: 1, request: { ...request, mosaic }, isRedacted };
  await writeDocument(path, document);
}

/**
 * Reads the request of a run; null = none was kept.
 *
 * @throws TilerError `STORE_CONFLICT` for a document of another kind, `REQUEST_INVALID` for a request that is wrong
 */
export async function readKeptRequest(path: string): Promise<KeptRequest | null> {
  const document = await readDocument(path, DocumentSchema, MAX_BYTES);
  if (document === null) return null;
  return { request: parseTilesetRequest(document.request, `the request in ${path}`), isRedacted: document.isRedacted };
}

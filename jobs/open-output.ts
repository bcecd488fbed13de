import type { Config } from '../src/config.ts';
import type { HostGate } from '../src/host-gate.ts';
import type { IoCounters, StageMeter } from '../src/observe.ts';
import { createEncoder } from '../src/render/encode/create-encoder.ts';
import type { TileEncoder } from '../src/render/encode/encoder.ts';
import { openTileStore } from '../src/store/open-store.ts';
import type { TileStore } from '../src/store/tile-store.ts';
import { renderOptionsOf } from './render-options.ts';
import type { TilesetRequest } from './request/tileset-request.ts';

export interface OpenOutputOptions {
  readonly counters: IoCounters;
  readonly stages?: StageMeter | undefined;
  readonly gate?: HostGate | undefined;
  readonly signal: AbortSignal;
}

/** Opens just the output of a request. Writes nothing. */
export async function openOutput(
  request: TilesetRequest,
  config: Config,
  { counters, stages, gate, signal }: OpenOutputOptions,
): Promise<TileStore> {
  const { extension, contentType } = createRequestEncoder(request);
  return await openTileStore(
    request.output,
    { extension, contentType, s3: config.s3, counters, stages, gate },
    { signal },
  );
}

/** The encoder of a request's format. */
export function createRequestEncoder(request: TilesetRequest): TileEncoder {
  return createEncoder(request.format, renderOptionsOf(request));
}

import type { Config } from '../../src/config.ts';
import type { HostClosing } from '../../src/host-gate.ts';
import type { IoCounters } from '../../src/observe.ts';
import type { SourceReach } from '../find-source-reach.ts';
import type { MetatileResult } from '../metatile-result.ts';
import type { Failure } from '../retry.ts';
import type { RunUpdate } from '../run-update.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';

/**
 * What `tilewright render` tells one of its processes. `open` comes once; then metatiles, by their index in the
 * plan, which the process makes again from the request. The first process of a run may be told to `ask` the sources
 * before.
 */
export type ToRenderProcess =
  | { readonly kind: 'ask'; readonly request: TilesetRequest; readonly config: Config }
  | {
      readonly kind: 'open';
      readonly request: TilesetRequest;
      readonly config: Config;
      readonly overwrite: boolean;
      /** Null = all metatiles are rendered. */
      readonly update: RunUpdate | null;
    }
  | { readonly kind: 'metatile'; readonly index: number }
  | HostClosed
  | { readonly kind: 'close' };

/** How often a process gives a sign of life. */
export const ALIVE_INTERVAL_MS = 1_000;

/**
 * What a process answers: what it was asked, once that it is ready, or that it cannot, then one message for each
 * metatile; and every second, from its start on, that it lives and how much memory it holds.
 */
export type FromRenderProcess =
  | { readonly kind: 'alive'; readonly rssBytes: number }
  | { readonly kind: 'reach'; readonly reach: SourceReach | null; readonly io: IoCounters }
  | { readonly kind: 'ready' }
  | HostClosed
  | { readonly kind: 'fatal'; readonly failure: Failure }
  | { readonly kind: 'result'; readonly result: MetatileResult }
  | { readonly kind: 'error'; readonly index: number; readonly failure: Failure };

/** A process was asked to leave a host alone; the parent tells all others. */
interface HostClosed {
  readonly kind: 'hostClosed';
  readonly closing: HostClosing;
}

/** The child's end of the channel. */
export interface RenderChannel {
  send(message: FromRenderProcess): void;
  onMessage(listener: (message: ToRenderProcess) => void): void;
  /** The parent is gone. */
  onDisconnect(listener: () => void): void;
}

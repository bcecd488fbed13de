import type { Config } from '../src/config.ts';
import type { MetatileResult } from './metatile-result.ts';
import type { Failure } from './retry.ts';
import type { TilesetRequest } from './tileset-request.ts';

/**
 * What `tilewright render` tells one of its processes. `open` comes first and once; then metatiles, by their index in
 * the plan, which the process makes again from the request.
 */
export type ToRenderProcess =
  | {
      readonly kind: 'open';
      readonly request: TilesetRequest;
      readonly config: Config;
      readonly overwrite: boolean;
    }
  | { readonly kind: 'metatile'; readonly index: number }
  | { readonly kind: 'close' };

/** What a process answers: once that it is ready or cannot be, then one message for each metatile. */
export type FromRenderProcess =
  | { readonly kind: 'ready' }
  | { readonly kind: 'fatal'; readonly failure: Failure }
  | { readonly kind: 'result'; readonly result: MetatileResult }
  | { readonly kind: 'error'; readonly index: number; readonly failure: Failure };

/** The child's end of the channel. */
export interface RenderChannel {
  send(message: FromRenderProcess): void;
  onMessage(listener: (message: ToRenderProcess) => void): void;
  /** The parent is gone. */
  onDisconnect(listener: () => void): void;
}

import type { RunSummary } from '../progress.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';
import type { UpdateOptions } from '../run-update.ts';

/** What a run that brings a tileset up to date came to. */
export type UpdateOutcome = Pick<RunSummary, 'run' | 'state' | 'total' | 'rendered' | 'failed' | 'metatiles'> & {
  /** Metatiles whose inputs are as they were. */
  readonly unchanged: number;
};

/**
 * Renders a tileset, or brings it up to date; waits until that has ended. Keeps what further updates need.
 *
 * @param update - null = all is rendered anew, over whatever is there
 */
export type RunUpdates = (
  request: TilesetRequest,
  update: UpdateOptions | null,
  options: { readonly signal: AbortSignal },
) => Promise<UpdateOutcome>;

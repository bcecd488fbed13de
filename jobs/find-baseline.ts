import type { MetatileRecord } from '../src/store/records/metatile-record.ts';
import type { MetatileWork } from '../src/tms/metatile.ts';

/**
 * Finds the record of a metatile in the version that an update begins with, whatever its index was in the plan of that;
 * null = there is none, or the metatile is to be rendered in any case.
 */
export type FindBaseline = (
  work: MetatileWork,
  options: { readonly signal: AbortSignal },
) => Promise<MetatileRecord | null>;

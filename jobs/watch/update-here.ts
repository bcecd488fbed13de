import type { Config } from '../../src/config.ts';
import { renderLocal } from '../local/render-local.ts';
import type { Progress } from '../progress.ts';
import type { RunUpdates } from './update-engine.ts';

export interface UpdateHereOptions {
  readonly config: Config;
  readonly processes: number;
  readonly progress: () => Progress;
}

/** Runs updates on this machine. */
export function updatesHere({ config, processes, progress }: UpdateHereOptions): RunUpdates {
  return async (request, update, { signal }) => {
    const mode = { force: update === null, update, maxFailures: null, keepParts: true };
    const common = { request, config, processes, ...mode, signal };
    const outcome = await renderLocal({ ...common, progress: progress() });
    if (outcome.kind === 'ran') return { unchanged: 0, ...outcome.summary };
    const { run, manifest } = outcome;
    const { rendered = 0, metatiles = 0, tiles: total = 0 } = manifest.counts ?? {};
    return { run, state: 'complete', total, rendered, failed: 0, metatiles, unchanged: metatiles };
  };
}

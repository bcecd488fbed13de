import type { TilesetPlan } from '../jobs/plan-jobs.ts';
import type { RunRecord } from '../jobs/queue/run-record.ts';
import type { RunStore } from '../jobs/queue/run-store.ts';
import { planOfRun } from '../jobs/run-update.ts';

/** A run and its plan. */
export interface PlannedRun {
  readonly record: RunRecord;
  readonly plan: TilesetPlan;
}

/** More runs than supervisors that a process works on at a time. */
const MAX_KEPT = 16;

/**
 * The runs that this process supervises, as they were created, so that a look need not read and plan a request that may
 * hold a large polygon. What a run is does not change; how far it is must be asked for.
 */
export class PlannedRuns {
  private readonly kept = new Map<string, PlannedRun>();
  private readonly runStore: RunStore;

  constructor(runStore: RunStore) {
    this.runStore = runStore;
  }

  /** Null if there is no run of that name. */
  async get(run: string): Promise<PlannedRun | null> {
    const kept = this.kept.get(run);
    const record = kept?.record ?? (await this.runStore.get(run));
    if (record === null) return null;
    const planned = kept ?? { record, plan: planOfRun(record.request, record.mode?.update ?? null) };
    // Last in the map = most recently used.
    this.kept.delete(run);
    this.kept.set(run, planned);
    for (const name of this.kept.keys()) {
      if (this.kept.size <= MAX_KEPT) break;
      this.kept.delete(name);
    }
    return planned;
  }
}

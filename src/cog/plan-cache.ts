import type { ReadPlan } from './plan-read.ts';

/** Plans of a metatile of 64 tiles take half a MiB; those of projections that need a node at every pixel a MiB each. */
const MAX_BYTES = 8 * 1024 * 1024;

/** What a plan takes beside the nodes of its mappings, roughly. */
const PLAN_BYTES = 1024;

interface Entry {
  /** `null` = the scene does not touch the tile. */
  readonly plan: ReadPlan | null;
  readonly bytes: number;
}

/** The latest plans, at most 8 MiB of them: the bands of a scene lie in files of one geometry, and scenes on a common grid. */
export class PlanCache {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  /** The plan kept under a key, or else the one that `create` makes. */
  get(key: string, create: () => ReadPlan | null): ReadPlan | null {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      // To the end of the queue.
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      return entry.plan;
    }
    const plan = create();
    const bytes = bytesOf(plan);
    this.#entries.set(key, { plan, bytes });
    this.#bytes += bytes;
    this.#evict();
    return plan;
  }

  #evict(): void {
    for (const [key, { bytes }] of this.#entries) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#entries.delete(key);
      this.#bytes -= bytes;
    }
  }
}

function bytesOf(plan: ReadPlan | null): number {
  const parts = plan?.parts ?? [];
  return parts.reduce((sum, { mapping }) => sum + mapping.xs.byteLength + mapping.ys.byteLength, PLAN_BYTES);
}

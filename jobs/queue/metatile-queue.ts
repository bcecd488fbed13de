import { Job, Queue } from 'bullmq';
import type { JobJson } from 'bullmq';
import type { MetatilePayload } from './catalog.ts';

/**
 * A job that does not keep its ID in its options too: with it these are longer than 64 bytes, which turns the hash of a
 * job into a table that takes twice the memory.
 */
class MetatileJob extends Job<MetatilePayload> {
  override asJSON(): JobJson {
    const json = super.asJSON();
    const { jobId: _, ...opts } = json.opts;
    return { ...json, opts };
  }
}

/** The queue of metatiles: 360 bytes of Redis for a job that waits, 450 with a priority. */
export class MetatileQueue extends Queue<MetatilePayload> {
  protected override get Job(): typeof Job {
    return MetatileJob as typeof Job;
  }
}

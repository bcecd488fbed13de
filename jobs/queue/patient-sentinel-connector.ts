import { SentinelConnector } from 'ioredis';
import type { SentinelConnectionOptions } from 'ioredis';

/**
 * Finds the primary by Sentinels, again after each loss of it, whatever these announce meanwhile. Of itself, ioredis goes on
 * listening to them for the connection that was lost; told of a failover while it asks for the new primary, it cuts off
 * that new connection, and never tries again.
 */
export class PatientSentinelConnector extends SentinelConnector {
  /** @param options - those of the connection, as ioredis passes them on */
  constructor(options: unknown) {
    super(options as SentinelConnectionOptions);
  }

  override async connect(
    ...args: Parameters<SentinelConnector['connect']>
  ): Promise<Awaited<ReturnType<SentinelConnector['connect']>>> {
    // Ends what is left of the connection before, and its listening.
    this.disconnect();
    return await super.connect(...args);
  }
}

import type { Telemetry } from 'bullmq';
import type { Config } from '../../src/config.ts';

/** What BullMQ hands its spans to; null = none are made. */
export type QueueTelemetry = Telemetry | null;

/**
 * Spans of OpenTelemetry for jobs being added and processed, if the configuration wants them. They go to the SDK that the
 * process was started with, and nowhere without one. A job carries the context of what added it, so that a run is one
 * trace: the command that seeds it, its supervisor, its metatiles. That takes some 100 bytes of Redis for a waiting job.
 */
export async function loadTelemetry({ otel }: Pick<Config, 'otel'>): Promise<QueueTelemetry> {
  if (!otel) return null;
  const { BullMQOtel } = await import('bullmq-otel');
  return new BullMQOtel({ tracerName: 'tilewright' });
}

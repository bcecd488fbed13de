/**
 * Work that goes on beside the caller, a few pieces at a time. After the first failure nothing more is begun, and the
 * next call throws it.
 */
export interface InFlight {
  /** Begins a piece of work, once there is room for it. */
  begin(work: () => Promise<void>): Promise<void>;
  /** Waits for all that was begun. */
  finish(): Promise<void>;
  /** Waits as well, whatever comes of it; for use after another failure. */
  settle(): Promise<void>;
}

export function createInFlight(limit: number): InFlight {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const throwFirst = (): void => {
    if (failures.length > 0) throw failures[0];
  };
  const settle = async (): Promise<void> => {
    await Promise.all(running);
  };
  return {
    async begin(work) {
      while (running.size >= limit) await Promise.race(running);
      throwFirst();
      const piece: Promise<void> = work()
        .catch((error: unknown) => {
          failures.push(error);
        })
        .finally(() => running.delete(piece));
      running.add(piece);
    },
    async finish() {
      await settle();
      throwFirst();
    },
    settle,
  };
}

/**
 * Does a piece of work for each value, a few at a time, and waits for all of them. After the first failure nothing more is
 * begun; nothing is under way any more once the call has ended.
 *
 * @throws the first failure
 */
export async function eachInFlight<T>(
  values: Iterable<T> | AsyncIterable<T>,
  limit: number,
  work: (value: T) => Promise<void>,
): Promise<void> {
  const inFlight = createInFlight(limit);
  try {
    for await (const value of values) await inFlight.begin(() => work(value));
    await inFlight.finish();
  } finally {
    await inFlight.settle();
  }
}

/** A signal that aborts with the usual `AbortError` when one of some does; BullMQ's own has another reason. */
export function plainAbort(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal?.aborted === true) controller.abort();
    else signal?.addEventListener('abort', () => controller.abort(), { once: true });
  }
  return controller.signal;
}

/** What ends a process: signals, and for a child the end of its parent. */
export interface ProcessEvents {
  onSignal(listener: (signal: string) => void): void;
  onDisconnect(listener: () => void): void;
  exit(code: number): void;
}

/**
 * Ends a process well: the first signal, the loss of the parent, or a call of what is given back begins the shutdown and
 * exits with 0 when it is done; a second signal exits at once.
 *
 * States: running → stopping → gone.
 *
 * @returns begins the shutdown for another cause; without effect once it has begun
 */
export function superviseShutdown(
  events: ProcessEvents,
  shutDown: (cause: string) => Promise<void>,
): (cause: string) => void {
  let stopping = false;
  const stop = (cause: string): void => {
    if (stopping) return;
    stopping = true;
    shutDown(cause).then(
      () => events.exit(0),
      () => events.exit(1),
    );
  };
  events.onSignal((signal) => {
    if (stopping) events.exit(130);
    else stop(signal);
  });
  events.onDisconnect(() => stop('the parent is gone'));
  return stop;
}

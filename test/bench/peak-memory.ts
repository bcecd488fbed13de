import { readFile } from 'node:fs/promises';
import { childrenOf } from '../support/processes.ts';

/** How often processes are looked at. The kernel keeps the peak itself: only what happens at the very end can be missed. */
const INTERVAL_MS = 50;

/** Watches the memory of the processes that render. */
export interface PeakMemory {
  /** Begins to watch the descendants of a process. */
  watch(pid: number): void;
  /** Peak resident memory of each process that renders, in MiB, the greatest first. */
  peaks(): readonly number[];
  stop(): void;
}

/** Watches every descendant that is a render process of `tilewright render`. */
export function createPeakMemory(): PeakMemory {
  const peaks = new Map<number, number>();
  let timer: NodeJS.Timeout | null = null;
  const look = async (pid: number): Promise<void> => {
    for (const child of await childrenOf(pid)) {
      const [command, status] = await Promise.all(
        ['cmdline', 'status'].map((file) => readFile(`/proc/${child}/${file}`, 'utf8').catch(() => '')),
      );
      const peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(status ?? '')?.[1] ?? 0) / 1024;
      if (/workers\/main\.js\0render/.test(command ?? '')) peaks.set(child, Math.max(peak, peaks.get(child) ?? 0));
      await look(child);
    }
  };
  return {
    watch(pid) {
      let isLooking = false;
      timer = setInterval(() => {
        if (isLooking) return;
        isLooking = true;
        void look(pid).finally(() => (isLooking = false));
      }, INTERVAL_MS);
    },
    peaks: () => [...peaks.values()].toSorted((a, b) => b - a),
    stop() {
      if (timer !== null) clearInterval(timer);
    },
  };
}

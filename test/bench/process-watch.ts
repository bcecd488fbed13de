import { readFile } from 'node:fs/promises';
import { childrenOf } from '../support/processes.ts';

/** Linux counts processor time in hundredths of a second, whatever the machine. */
const TICKS_A_SECOND = 100;

/** Rarely: the kernel walks all pages of a process for it, which takes milliseconds and keeps the process from its memory. */
const INTERVAL_MS = 1_000;

/** User and system time of a process so far, in seconds; those of children that have ended are counted. 0 = it is gone. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Fields 14 to 17 of proc(5); the first one here is the third.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_A_SECOND;
}

/** Peak resident memory of a process so far, in MiB. 0 = it is gone. */
export async function peakMebibytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}

/** Resident memory of a process now, in MiB. 0 = it is gone. */
export async function mebibytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}

/** Watches how much memory some processes and all that they started have together. */
export interface TreeWatch {
  /** The greatest sum so far, in MiB: proportional set size, so that pages that processes share count once. */
  readonly peakMebibytes: number;
  stop(): void;
}

export function watchTree(...roots: readonly number[]): TreeWatch {
  let peak = 0;
  let isLooking = false;
  const look = async (): Promise<void> => {
    const pids = await treeOf(roots);
    const sizes = await Promise.all(pids.map(proportionalMebibytesOf));
    const sum = sizes.reduce((total, size) => total + size, 0);
    peak = Math.max(peak, sum);
  };
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    void look().finally(() => (isLooking = false));
  }, INTERVAL_MS);
  return {
    get peakMebibytes() {
      return peak;
    },
    stop: () => clearInterval(timer),
  };
}

async function treeOf(roots: readonly number[]): Promise<readonly number[]> {
  const found: number[] = [];
  for (const root of roots) found.push(root, ...(await treeOf(await childrenOf(root))));
  return found;
}

async function proportionalMebibytesOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1024;
}

import { readdir, readlink } from 'node:fs/promises';
import type { Redis } from 'ioredis';

/** What a process has open, by kind: `socket`, `pipe`, `file`, `eventpoll` and the like. */
export type OpenHandles = Readonly<Record<string, number>>;

/** Counts the open file descriptors of a process, from /proc. */
export async function openHandles(pid: number): Promise<OpenHandles> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all(
    // Those of a moment may be closed before they are looked at.
    (await readdir(folder)).map((name) => readlink(`${folder}/${name}`).catch(() => null)),
  );
  const counts: Record<string, number> = {};
  for (const link of links) {
    if (link === null) continue;
    const kind = /^(?:anon_inode:\[?)?([a-z]+)(?::|\]|$)/.exec(link)?.[1] ?? 'file';
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** All of them. */
export function sumOf(handles: OpenHandles): number {
  return Object.values(handles).reduce((sum, count) => sum + count, 0);
}

/** Connections that a Redis has. */
export async function connectionsOf(redis: Redis): Promise<number> {
  const list = (await redis.client('LIST')) as string;
  return list.trim().split('\n').length;
}

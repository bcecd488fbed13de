import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { keyPrefix } from '../../jobs/queue/catalog.ts';

/**
 * The states that a run was ever given, oldest first, from the append-only file of its Redis: every write is in it, also
 * those of scripts and those from before a restart.
 */
export async function stateChanges(redis: Redis, prefix: string, run: string): Promise<readonly string[]> {
  const path = join(await settingOf(redis, 'dir'), await settingOf(redis, 'appenddirname'));
  const files = (await readdir(path)).filter((file) => file.endsWith('.incr.aof')).sort();
  const record = `${keyPrefix(prefix)}:run:${run}`;
  const states: string[] = [];
  for (const file of files) {
    for (const [command = '', key, ...fields] of commandsOf(await readFile(join(path, file)))) {
      if (key !== record || !/^h(m)?set$/i.test(command)) continue;
      const at = fields.findIndex((field, i) => i % 2 === 0 && field === 'state');
      if (at >= 0) states.push(fields[at + 1] ?? '');
    }
  }
  return states;
}

async function settingOf(redis: Redis, name: string): Promise<string> {
  // A list of name and value; what the client makes of it depends on the version of the protocol.
  const reply = (await redis.config('GET', name)) as readonly string[] | Readonly<Record<string, string>>;
  const value = Array.isArray(reply) ? (reply[1] as string) : (reply as Readonly<Record<string, string>>)[name];
  if (value === undefined) throw new Error(`Redis does not say what its ${name} is`);
  return value;
}

/** Reads the commands of a log in the protocol of Redis: arrays of bulk strings. Lines that begin with # are notes. */
function* commandsOf(log: Buffer): Generator<readonly string[], void, undefined> {
  let at = 0;
  const line = (): string => {
    const end = log.indexOf('\r\n', at);
    const text = log.toString('latin1', at, end < 0 ? log.length : end);
    at = end < 0 ? log.length : end + 2;
    return text;
  };
  while (at < log.length) {
    const head = line();
    if (!head.startsWith('*')) continue;
    const words: string[] = [];
    for (let n = Number(head.slice(1)); n > 0; n--) {
      const length = Number(line().slice(1));
      words.push(log.toString('utf8', at, at + length));
      at += length + 2;
    }
    yield words;
  }
}

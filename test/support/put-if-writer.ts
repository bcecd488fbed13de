import { argv } from 'node:process';
import { createIoCounters } from '../../src/observe.ts';
import { FileObjects } from '../../src/store/file-objects.ts';
import type { ObjectStore } from '../../src/store/object-store.ts';

const NEVER = { signal: new AbortController().signal };

/** Entries of a document that writers add to. */
export async function entriesOf(store: ObjectStore, path: string): Promise<string[]> {
  const bytes = await store.get(path, NEVER);
  return bytes === null ? [] : (JSON.parse(Buffer.from(bytes).toString()) as string[]);
}

/** Adds entries to a document, one update each, again and again until it was nobody else's turn. @returns conflicts */
export async function addEntries(store: ObjectStore, path: string, writer: string, entries: number): Promise<number> {
  let conflicts = 0;
  for (let done = 0; done < entries;) {
    const found = await store.getTagged(path, NEVER);
    const before = found === null ? [] : (JSON.parse(Buffer.from(found.bytes).toString()) as string[]);
    const bytes = Buffer.from(JSON.stringify([...before, `${writer} entry ${done}`]));
    const options = { ...NEVER, contentType: 'application/json' };
    if ((await store.putIf(path, bytes, found?.tag ?? null, options)) === null) conflicts++;
    else done++;
  }
  return conflicts;
}

// As a process of its own: FOLDER PATH WRITER ENTRIES.
const [, script = '', folder, path = '', writer = '', entries = '0'] = argv;
if (/put-if-writer\.[jt]s$/.test(script) && folder !== undefined) {
  await using store = new FileObjects(folder, createIoCounters());
  const conflicts = await addEntries(store, path, writer, Number(entries));
  process.stdout.write(`${conflicts}\n`);
}

import { describe, expect, test } from 'vitest';
import { FILE_ABSENT } from '../../../src/cog/cog.ts';
import { createFileVersions } from '../../../src/cog/file-versions.ts';
import type { FileVersionsOptions } from '../../../src/cog/file-versions.ts';
import type { RangeSource } from '../../../src/cog/range-source.ts';
import { TilerError } from '../../../src/errors.ts';

const NEVER = { signal: new AbortController().signal };

/** Files by href; each read takes what is there then. */
function versionsOf(files: Map<string, string | null>, options: Partial<FileVersionsOptions> = {}) {
  const reads: string[] = [];
  const disposed: string[] = [];
  const opener = (href: string): RangeSource => {
    let version: string | null = null;
    return {
      label: href,
      async read(offset, length, { signal }) {
        reads.push(`${href} ${offset}+${length}`);
        await new Promise((resolve) => setImmediate(resolve));
        signal.throwIfAborted();
        const found = files.get(href);
        if (found === undefined) throw new TilerError('ASSET_NOT_FOUND', `Reading ${href}: there is no such file`);
        if (found === 'closed') throw new TilerError('SOURCE_UNAVAILABLE', `Reading ${href}: the server is away`);
        version = found;
        return new Uint8Array(length);
      },
      version: () => version,
      async [Symbol.asyncDispose]() {
        disposed.push(href);
        await Promise.resolve();
      },
    };
  };
  return { versions: createFileVersions({ opener, ...options }), reads, disposed };
}

describe('versions of files', () => {
  test('are asked by one byte, once, and the source is given back', async () => {
    const { versions, reads, disposed } = versionsOf(new Map([['a', '"1"']]));
    const found = await Promise.all([1, 2, 3].map(() => versions.versionOf('a', NEVER)));
    expect([...found, await versions.versionOf('a', NEVER)]).toEqual(['"1"', '"1"', '"1"', '"1"']);
    expect(reads).toEqual(['a 0+1']);
    expect(disposed).toEqual(['a']);
  });

  test('are null where nothing says them, and one that is not there is absent', async () => {
    const { versions, reads } = versionsOf(new Map([['silent', null]]));
    expect(await versions.versionOf('silent', NEVER)).toBeNull();
    expect(await versions.versionOf('gone', NEVER)).toBe(FILE_ABSENT);
    expect(await versions.versionOf('gone', NEVER)).toBe(FILE_ABSENT);
    expect(reads).toHaveLength(2);
  });

  test('count for a while', async () => {
    const files = new Map([['a', '"1"']]);
    let nowMs = 0;
    const { versions, reads } = versionsOf(files, { maxAgeMs: 1_000, now: () => nowMs });
    await versions.versionOf('a', NEVER);
    files.set('a', '"2"');
    nowMs = 1_000;
    expect(await versions.versionOf('a', NEVER)).toBe('"1"');
    nowMs = 1_001;
    expect(await versions.versionOf('a', NEVER)).toBe('"2"');
    expect(reads).toHaveLength(2);
  });

  test('are remembered up to a bound', async () => {
    const { versions, reads } = versionsOf(new Map(['a', 'b', 'c'].map((name) => [name, name])), { maxFiles: 2 });
    for (const name of ['a', 'b', 'c', 'b', 'c', 'a']) await versions.versionOf(name, NEVER);
    expect(reads).toEqual(['a 0+1', 'b 0+1', 'c 0+1', 'a 0+1']);
  });

  test('a failure is told and not remembered', async () => {
    const files = new Map([['a', 'closed']]);
    const { versions } = versionsOf(files);
    await expect(versions.versionOf('a', NEVER)).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    files.set('a', '"1"');
    expect(await versions.versionOf('a', NEVER)).toBe('"1"');
  });

  test('who gives up does not take the others with it', async () => {
    const { versions } = versionsOf(new Map([['a', '"1"']]));
    const impatient = new AbortController();
    const first = versions.versionOf('a', { signal: impatient.signal });
    const second = versions.versionOf('a', NEVER);
    impatient.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    expect(await second).toBe('"1"');
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

export interface FreshFolder {
  /** Absolute; another one for each test. */
  readonly path: string;
}

/** Gives each test of a file an empty folder, which is gone after it. For the top of a file, before hooks that need it. */
export function freshFolder(name: string): FreshFolder {
  let path = '';
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), `${name}-`));
  });
  afterEach(async () => {
    await rm(path, { recursive: true, force: true });
  });
  return {
    get path() {
      return path;
    },
  };
}

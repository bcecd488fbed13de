import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/**
 * The folder of real imagery and STAC documents, or null where there is none: TILEWRIGHT_REAL_DATA, by default
 * `../shared/data`. Tests add it to what they test on their own data; it is never the only cover of a behaviour.
 */
export function findRealData(): string | null {
  const folder = resolve(process.env['TILEWRIGHT_REAL_DATA'] ?? '../shared/data');
  if (existsSync(folder)) return folder;
  process.stderr.write(`No real data at ${folder} (TILEWRIGHT_REAL_DATA): the tests run on their own data alone.\n`);
  return null;
}

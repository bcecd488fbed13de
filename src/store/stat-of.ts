import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isAbsent } from '../errors.ts';
import { fromFileError } from './file-error.ts';

/**
 * What is at a path; null = nothing.
 *
 * @throws TilerError `STORE_FORBIDDEN`, `STORE_UNAVAILABLE` if that cannot be known
 */
export async function statOf(path: string, attempted = `Opening ${path}`): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw fromFileError(error, attempted);
  }
}

import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { TilerError } from '../src/errors.ts';

/** Where an archive lies: its href, and for a file the folder that it may be read from. */
export interface PlaceOfArchive {
  readonly href: string;
  readonly fileRoot: string | null;
}

/**
 * Reads what a user names an archive by: a path, relative to `cwd`, or a URL.
 *
 * @throws TilerError `REQUEST_INVALID` for a URL of another scheme than file, http, https and s3
 */
export function placeOfArchive(text: string, cwd: string): PlaceOfArchive {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === 'http' || scheme === 'https' || scheme === 's3') return { href: text, fileRoot: null };
  if (text === '' || (scheme !== undefined && scheme !== 'file')) {
    throw new TilerError('REQUEST_INVALID', `Opening "${text}": expected a file, or a URL of file, http, https or s3`);
  }
  try {
    const path = scheme === 'file' ? fileURLToPath(text) : resolve(cwd, text);
    return { href: pathToFileURL(path).href, fileRoot: dirname(path) };
  } catch (cause) {
    throw new TilerError('REQUEST_INVALID', `Opening "${text}": expected a file: URL of this machine`, { cause });
  }
}

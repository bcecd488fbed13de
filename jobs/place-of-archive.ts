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
  if (/^(?:https?|s3):\/\//i.test(text)) return { href: text, fileRoot: null };
  const path = text === '' ? null : filePathOf(text, cwd);
  if (path === null) {
    throw new TilerError('REQUEST_INVALID', `Opening "${text}": expected a file, or a URL of file, http, https or s3`);
  }
  return { href: pathToFileURL(path).href, fileRoot: dirname(path) };
}

/**
 * The path that a user names a file by, which is relative to `cwd`, or of which it is the URL; null = a URL of another scheme.
 *
 * @throws TilerError `REQUEST_INVALID` for a file: URL of another machine
 */
export function filePathOf(text: string, cwd: string): string | null {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'file') return null;
  try {
    return scheme === 'file' ? fileURLToPath(text) : resolve(cwd, text);
  } catch (cause) {
    throw new TilerError('REQUEST_INVALID', `Opening "${text}": expected a file: URL of this machine`, { cause });
  }
}

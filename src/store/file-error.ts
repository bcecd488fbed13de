import { TilerError, systemCodeOf } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

const FORBIDDEN = new Set(['EACCES', 'EPERM', 'EROFS', 'EISDIR', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP']);

/** True if there is no such file or folder. */
export function isMissing(error: unknown): boolean {
  return systemCodeOf(error) === 'ENOENT';
}

/** Says what a file system's refusal means for the queue. Errors without a system code, such as aborts, pass. */
export function fromFileError(error: unknown, attempted: string): unknown {
  const code = systemCodeOf(error);
  if (code === null || !/^E[A-Z0-9]+$/.test(code)) return error;
  const meaning: ErrorCode = FORBIDDEN.has(code) ? 'STORE_FORBIDDEN' : 'STORE_UNAVAILABLE';
  return new TilerError(meaning, `${attempted}: ${code}`, { cause: error });
}

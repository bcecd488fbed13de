import { close, fsync, open, rename, unlink, write } from 'node:fs';

export interface WholeFile {
  readonly temporary: string;
  readonly target: string;
  /** True: its bytes are on the disk before it gets its own name. Default false. */
  readonly isSynced?: boolean;
}

/**
 * Writes a new file under a temporary name and gives it its own, so that a reader sees the old file or the new one.
 * What is written when the signal aborts, or an error comes, is removed again.
 *
 * By callbacks, in one promise: for files as small as tiles the promises of `node:fs` take as long as the system calls.
 *
 * @throws the error of the first system call that fails (`ENOENT` if the folder is missing), the reason of the signal
 */
export async function writeFileWhole(
  { temporary, target, isSynced = false }: WholeFile,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const fail = (error: unknown): void => unlink(temporary, () => reject(error));
    const renameIt = (): void =>
      rename(temporary, target, (error) => {
        if (error === null) resolve();
        else fail(error);
      });
    const closeAfter = (fd: number, failure: unknown): void =>
      close(fd, (closeError) => {
        const error = failure ?? closeError ?? (signal.aborted ? signal.reason : null);
        if (error === null) renameIt();
        else fail(error);
      });
    const writeFrom = (fd: number, offset: number): void =>
      write(fd, bytes, offset, bytes.length - offset, null, (error, written) => {
        const end = offset + written;
        if (error === null && !signal.aborted && end < bytes.length) writeFrom(fd, end);
        else if (error === null && isSynced) fsync(fd, (syncError) => closeAfter(fd, syncError));
        else closeAfter(fd, error);
      });
    open(temporary, 'wx', (error, fd) => {
      // Nothing of ours is there: also if the name is taken, which is somebody else's file then.
      if (error !== null) reject(error);
      else writeFrom(fd, 0);
    });
  });
}

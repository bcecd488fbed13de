import { constants } from 'node:fs';
import { copyFile, link, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, relative } from 'node:path';

export interface SecondName {
  /** In the folder of the name; there for a moment. */
  readonly temporary: string;
  readonly name: string;
  readonly target: string;
}

/**
 * Gives a file a second name in place of what had that name: a hard link; a symbolic link where there are none, or no more
 * of them; a copy where there are neither, which shares its blocks if the file system can. Whoever has the old file open
 * goes on reading it.
 *
 * @throws errors of the file system, `ENOENT` if the target is not there
 */
export async function giveSecondName({ temporary, name, target }: SecondName): Promise<void> {
  // A symbolic link would be made to nothing.
  await stat(target);
  try {
    await link(target, temporary)
      .catch(() => symlink(relative(dirname(name), target), temporary))
      .catch(() => copyFile(target, temporary, constants.COPYFILE_FICLONE));
    await rename(temporary, name);
  } finally {
    // Renaming one name of a file to another of the same file does nothing.
    await rm(temporary, { force: true });
  }
}

import { ensureBuilt } from './build.ts';

/** Runs once before the integration files, so that `dist` is what the sources say. */
export async function setup(): Promise<void> {
  // The files that start the command line fail by themselves, with a cause that is then already on the screen.
  await ensureBuilt().catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
}

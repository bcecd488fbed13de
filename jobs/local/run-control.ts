import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import * as z from 'zod';
import { noneIfForeign, readDocument, writeDocument } from './local-files.ts';

const ControlSchema = z.object({
  v: z.literal(1),
  /** Names the command, so that it is done once and its giver knows that it was his. */
  id: z.uuid(),
  /** The process that it is for; another one, such as the next to render the run, ignores it. */
  owner: z.uuid(),
  command: z.enum(['pause', 'resume', 'cancel']),
});

/** What the process of a local run can be told. */
export type RunCommand = z.output<typeof ControlSchema>['command'];

const POLL_INTERVAL_MS = 500;

/** Leaves a command for the process of a run in the place of one before it. @returns its name */
export async function sendCommand(path: string, owner: string, command: RunCommand): Promise<string> {
  const id = randomUUID();
  await writeDocument(path, { v: 1, id, owner, command } satisfies z.input<typeof ControlSchema>, `${path}.${id}.tmp`);
  return id;
}

/**
 * Takes a command back that nobody has taken: it must not be done at a time when nobody expects it.
 *
 * @throws TilerError `STORE_UNAVAILABLE` if it cannot be read whose command is there
 */
export async function withdrawCommand(path: string, id: string): Promise<void> {
  const found = await readCommand(path);
  if (found?.id === id) await rm(path, { force: true });
}

/** Null = there is none; a document that is no command is ignored. */
async function readCommand(path: string): Promise<z.output<typeof ControlSchema> | null> {
  return await readDocument(path, ControlSchema).catch(noneIfForeign);
}

export interface CommandListeners {
  readonly onCommand: (command: RunCommand, id: string) => Promise<void>;
  /** A look failed; the next one comes all the same. */
  readonly onError: (error: unknown) => void;
}

/** Looks twice a second for commands to the process `owner`, and calls `onCommand` once for each. */
export function watchCommands(path: string, owner: string, { onCommand, onError }: CommandListeners): Disposable {
  let last: string | null = null;
  let isBusy = false;
  const look = async (): Promise<void> => {
    const found = await readCommand(path);
    if (found === null || found.owner !== owner || found.id === last) return;
    last = found.id;
    await onCommand(found.command, found.id);
  };
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    void look()
      .catch(onError)
      .finally(() => (isBusy = false));
  }, POLL_INTERVAL_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { sendCommand, watchCommands, withdrawCommand } from '../../../../jobs/local/run-control.ts';
import type { CommandListeners } from '../../../../jobs/local/run-control.ts';
import { freshFolder } from '../../../support/fresh-folder.ts';

const OWNER = '6f1d7b4e-4a0f-4a52-9d0e-6d6d3b1d1c11';

const folder = freshFolder('tilewright-control');
let path: string;

beforeEach(() => {
  path = join(folder.path, 'control.json');
});

test('a look that fails is told, and the next one finds the command', async () => {
  // Of no number of links does it ever end.
  await symlink(path, path);
  const onError = vi.fn<CommandListeners['onError']>();
  const onCommand = vi.fn<CommandListeners['onCommand']>(() => Promise.resolve());
  using _ = watchCommands(path, OWNER, { onCommand, onError });
  await vi.waitUntil(() => onError.mock.calls.length > 0, 30_000);
  expect(onError).toHaveBeenCalledWith(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }));
  expect(onCommand).not.toHaveBeenCalled();
  const id = await sendCommand(path, OWNER, 'pause');
  await vi.waitUntil(() => onCommand.mock.calls.length > 0, 30_000);
  expect(onCommand).toHaveBeenCalledWith('pause', id);
});

test('a command is withdrawn by its giver only, and not in silence where that cannot be told', async () => {
  const id = await sendCommand(path, OWNER, 'cancel');
  await withdrawCommand(path, OWNER);
  await withdrawCommand(path, id);
  await withdrawCommand(path, id);
  await symlink(path, path);
  await expect(withdrawCommand(path, id)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
});

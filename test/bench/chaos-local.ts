import { join } from 'node:path';
import type { ChaosWorld } from '../support/chaos-world.ts';
import { journalled } from '../support/local-runs.ts';
import { assertExit, childrenOf, startCli, until } from '../support/processes.ts';
import type { Running } from '../support/processes.ts';
import { filesOf } from '../support/small-world.ts';
import type { Recovery } from '../support/recoveries.ts';

const PARENT = 'render on one machine, which is started again';
const CHILD = 'a process of render on one machine';
/** In turn, at equal steps of the run. */
const KILLS = [CHILD, PARENT, CHILD, PARENT, CHILD, PARENT, CHILD, PARENT] as const;
const PROCESSES = 2;
/** The last kill comes when so much is done. */
const LAST_AT = 0.85;

/** A run on one machine whose processes were killed. */
export interface LocalOutcome {
  readonly recoveries: readonly Recovery[];
  readonly files: readonly string[];
}

/**
 * Renders the tileset on this machine while the command and its processes are killed. The command is started again at
 * once, with the same arguments.
 *
 * @throws Error if it does not end as complete
 */
export async function runLocalChaos(world: ChaosWorld, metatiles: number): Promise<LocalOutcome> {
  const request = await world.request('local', 'folder');
  const output = join(world.scenes.folder, 'local');
  const start = (): Running => startCli(['render', request, '--processes', String(PROCESSES)], world);
  const recoveries: Recovery[] = [];
  let running = start();
  try {
    for (const [index, what] of KILLS.entries()) {
      const goal = ((index + 1) / KILLS.length) * LAST_AT * metatiles;
      await until(`${Math.ceil(goal)} metatiles`, async () => (await journalled(output)) >= goal);
      const [victim] = await processesOf(running, []);
      const startedAt = performance.now();
      if (what === PARENT) {
        running.kill('SIGKILL');
        await running.finished;
      } else {
        process.kill(victim!, 'SIGKILL');
      }
      const settled = await journalled(output);
      if (what === PARENT) running = start();
      else await processesOf(running, [victim!]);
      await until('a further metatile', async () => (await journalled(output)) > settled);
      const progressMs = performance.now() - startedAt;
      recoveries.push({ what, settled, held: 0, progressMs, takenOverMs: null, settledMs: null });
    }
    assertExit(await running.finished, 0);
  } finally {
    await running[Symbol.asyncDispose]();
  }
  const isHalfWritten = (file: string): boolean => /(^|\/)\.[^/]+\.tmp /.test(file);
  return { recoveries, files: (await filesOf(output)).filter((file) => !isHalfWritten(file)) };
}

/** The processes of a command, once all are there that should be, and others than those that are gone. */
async function processesOf({ pid }: Running, gone: readonly number[]): Promise<readonly number[]> {
  return await until('all processes of the command', async () => {
    const found = await childrenOf(pid);
    return found.length >= PROCESSES && !found.some((child) => gone.includes(child)) ? found : null;
  });
}

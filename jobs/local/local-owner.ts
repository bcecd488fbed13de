import { randomUUID } from 'node:crypto';
import { mkdir, open, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { TilerError, systemCodeOf } from '../../src/errors.ts';
import { identifyProcess, isProcessAlive } from '../../src/process-identity.ts';
import { noneIfAbsent, noneIfForeign, readDocument, writeDocument } from './local-files.ts';
import type { LocalPlace } from './local-files.ts';

const OwnerSchema = z.object({
  v: z.literal(1),
  /** Of this one process and no other. */
  token: z.uuid(),
  pid: z.int().min(1),
  host: z.string().max(255),
  /** Boot and process namespace: where they are the same, a process number means the same; null = the system has none. */
  machine: z.string().max(200).nullable(),
  /** When the process started, in ticks of the system, so that a number given anew is told apart; null = not known. */
  processStart: z.string().max(40).nullable(),
  run: z.string().max(100),
  since: z.iso.datetime(),
});

/** The process that renders to an output. */
type LocalOwner = z.output<typeof OwnerSchema>;

/** What is known of the process that has, or had, an output. */
export interface FoundOwner {
  /** Null if the document is none of ours. */
  readonly owner: LocalOwner | null;
  readonly isAlive: boolean;
  /** Since its last sign of life. */
  readonly silentMs: number;
}

/** An output that is ours. Its document says so until it is released, or until this process is dead. */
export interface OwnerLock extends AsyncDisposable {
  readonly owner: LocalOwner;
}

const HEARTBEAT_MS = 1_000;

/** Where a process cannot be looked at, since it runs on another machine, it is dead after being silent for this long. */
const SILENCE_MS = 30_000;

/** The mutex is held for milliseconds; one this old belongs to a process that was killed. */
const MUTEX_AGE_MS = 5_000;
const MUTEX_TIMEOUT_MS = 10_000;

/** The document that names the owner of an output. */
function ownerPath({ folder, suffix }: LocalPlace): string {
  return join(folder, suffix === '' ? 'owner.json' : `owner${suffix}.json`);
}

/** Who has an output; null = nobody. */
export async function findOwner(place: LocalPlace): Promise<FoundOwner | null> {
  const path = ownerPath(place);
  const found = await stat(path).catch(noneIfAbsent(`Reading ${path}`));
  if (found === null) return null;
  const silentMs = Math.max(0, Date.now() - found.mtimeMs);
  const owner = await readDocument(path, OwnerSchema).catch(noneIfForeign);
  return { owner, silentMs, isAlive: await isOwnerAlive(owner, silentMs) };
}

async function isOwnerAlive(owner: LocalOwner | null, silentMs: number): Promise<boolean> {
  const isAlive = owner?.host === hostname() ? await isProcessAlive(owner) : null;
  return isAlive ?? silentMs < SILENCE_MS;
}

/** @throws TilerError `STORE_CONFLICT` if a process that lives renders to this output */
export async function refuseIfOwned(place: LocalPlace): Promise<void> {
  const found = await findOwner(place);
  if (found?.isAlive === true) throw ownedError(place, found);
}

function ownedError(place: LocalPlace, { owner, silentMs }: FoundOwner): TilerError {
  const who = owner === null ? 'another process' : `process ${owner.pid} on ${owner.host}`;
  return new TilerError(
    'STORE_CONFLICT',
    `Rendering to ${place.output}: found ${who} at it, which gave its last sign of life ${Math.round(silentMs / 1000)} s ago; ` +
      `wait for it or cancel its run. If it is gone, try again once that is ${SILENCE_MS / 1000} s ago, or delete ${ownerPath(place)}`,
  );
}

/**
 * Takes an output for this process, also from one that is dead. A sign of life is given every second; should somebody
 * else have taken the output meanwhile, since this process had been asleep or the document was deleted, `onLost` is called.
 *
 * @throws TilerError `STORE_CONFLICT` if a process that lives has it, `STORE_FORBIDDEN` if nothing can be written there
 */
export async function takeOwnership(
  place: LocalPlace,
  run: string,
  onLost: (error: TilerError) => void,
): Promise<OwnerLock> {
  const path = ownerPath(place);
  const token = randomUUID();
  const owner: LocalOwner = { v: 1, token, ...(await identifyProcess()), run, since: new Date().toISOString() };
  await withMutex(`${path}.mutex`, place, async () => {
    await refuseIfOwned(place);
    await writeDocument(path, owner);
  });
  /** Null = that cannot be told now: of all failures only the document's absence says something. */
  const isOurs = async (): Promise<boolean | null> =>
    await readDocument(path, OwnerSchema).then(
      (found) => found?.token === owner.token,
      () => null,
    );
  const beat = async (): Promise<void> => {
    if ((await isOurs()) !== false) await utimes(path, new Date(), new Date()).catch(() => {});
    else {
      clearInterval(timer);
      const message = `Rendering to ${place.output}: found that another process has taken it over, or that ${path} was deleted`;
      onLost(new TilerError('STORE_CONFLICT', message));
    }
  };
  const timer = setInterval(() => void beat(), HEARTBEAT_MS);
  return {
    owner,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      // What cannot be told to be ours stays; that this process is dead can be seen in it.
      if ((await isOurs()) === true) await rm(path, { force: true });
    },
  };
}

/** One process at a time, on every file system: whoever can create the file. */
async function withMutex(path: string, place: LocalPlace, action: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + MUTEX_TIMEOUT_MS;
  while (!(await createMutex(path, place))) {
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > MUTEX_AGE_MS) await rm(path, { force: true });
    else if (performance.now() < deadline) await delay(20);
    else throw new TilerError('STORE_CONFLICT', `Taking ${place.output}: ${path} is held by another process`);
  }
  try {
    await action();
  } finally {
    await rm(path, { force: true });
  }
}

async function createMutex(path: string, { folder }: LocalPlace): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true });
    await (await open(path, 'wx')).close();
    return true;
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'EEXIST') return false;
    throw new TilerError('STORE_FORBIDDEN', `Writing ${path}: ${code ?? 'an unknown failure'}`, { cause: error });
  }
}

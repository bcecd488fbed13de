import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCodeOf } from '../../src/errors.ts';

const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 5_000;
const ANSWER_TIMEOUT_MS = 2_000;
const POLL_MS = 20;
/** How much of what a server wrote is shown if it does not answer: the end of it. */
const SHOWN_CHARACTERS = 2000;

/** A server program, how to start it, and how to know that it is up. */
export interface ServerProgram {
  /** Its name in an error, with its address. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Asked again and again until it is true. */
  readonly isAnswering: () => Promise<boolean>;
}

/** A server under way. Disposing of it ends it with SIGTERM, and with SIGKILL after some seconds. */
export interface ServerProcess extends AsyncDisposable {
  /** Ends it by a signal and waits until it is gone; nothing if it is gone already. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** SIGSTOP: it does nothing more, and keeps its connections. */
  halt(): void;
}

/**
 * Starts a server and waits until it answers.
 *
 * @throws Error with the end of what it wrote, if it ends, cannot be started, or does not answer in time
 */
export async function startServer({ name, command, args, env, isAnswering }: ServerProgram): Promise<ServerProcess> {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (text: string): void => {
    output = `${output}${text}`.slice(-SHOWN_CHARACTERS);
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', keep);
  await once(child, 'spawn').catch((error: unknown) => {
    throw new Error(`${name} could not be started: ${String(error)}`, { cause: error });
  });
  const deadline = performance.now() + START_DEADLINE_MS;
  while (performance.now() < deadline) {
    const isUp = await isAnswering();
    // What answers may be another one if this one has ended, as it does if its port is taken.
    if (isGone(child)) break;
    if (isUp) {
      return {
        stop: (signal) => stopChild(child, signal),
        halt: () => void child.kill('SIGSTOP'),
        [Symbol.asyncDispose]: () => stopChild(child, 'SIGTERM'),
      };
    }
    await sleep(POLL_MS);
  }
  const ending = isGone(child)
    ? `ended with ${child.exitCode ?? child.signalCode}`
    : `did not answer within ${START_DEADLINE_MS} ms`;
  await stopChild(child, 'SIGKILL');
  throw new Error(`${name} ${ending}. It wrote:\n${output}`);
}

/** Waits for several that start at once. If one fails, those that have started are disposed of, and its error is thrown. */
export async function startAll<T extends readonly AsyncDisposable[]>(
  ...starting: { readonly [K in keyof T]: Promise<T[K]> }
): Promise<T> {
  const outcomes = await Promise.allSettled<AsyncDisposable>(starting);
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  const started = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  if (failure === undefined) return started as readonly AsyncDisposable[] as T;
  for (const resource of started) await resource[Symbol.asyncDispose]();
  throw failure.reason;
}

/** True once anything answers HTTP at an address, whatever it says. */
export async function answersHttp(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) }).catch(() => null);
  await answer?.body?.cancel();
  return answer !== null;
}

/**
 * A port of the loopback that nothing listens at. It is none that a system gives to connections: of those, one could have it
 * before the server does, and a client that looks for a server that is away could even be connected to itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_768);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve, reject) => {
      server.once('listening', () => resolve(true));
      server.once('error', (error) => (systemCodeOf(error) === 'EADDRINUSE' ? resolve(false) : reject(error)));
      server.listen(port, '127.0.0.1');
    });
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

function isGone({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function stopChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (isGone(child)) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await exited;
  clearTimeout(timer);
}

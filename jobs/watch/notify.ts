import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { TilerError } from '../../src/errors.ts';
import type { Environment } from '../../src/config.ts';
import { runWithin, TimeoutReached, withRetries } from '../../src/retry.ts';

/** What is told of an update that was published: the body of the webhook, and the standard input of the command. */
export interface UpdateNotice {
  readonly event: 'updated';
  readonly name: string | null;
  readonly output: string;
  /** ID of the version. */
  readonly version: string;
  readonly metatiles: { readonly dirty: number | null; readonly rendered: number; readonly unchanged: number };
  readonly items: { readonly added: number; readonly changed: number; readonly touched: number; readonly gone: number };
  /** Tiles that changed; their addresses are in `changedTilesFile`. */
  readonly changedTiles: number;
  readonly changedTilesFile: string | null;
  readonly invalidationsFile: string | null;
}

export interface NotifyOptions {
  /** A command line for the system's shell; null = none. */
  readonly command: string | null;
  /** An http or https URL; null = none. */
  readonly webhook: string | null;
  /** Signs the body of the webhook; null = it is not signed. */
  readonly secret: string | null;
  /** That of this process; the secrets of Tilewright are not handed on. */
  readonly env: Environment;
  /** Told what went wrong. */
  readonly note: (text: string) => void;
  readonly signal: AbortSignal;
  /** Default: five tries, from 1 s to a minute apart. */
  readonly retry?: { readonly attempts: number; readonly baseMs: number; readonly maxMs: number };
}

const COMMAND_TIMEOUT_MS = 15 * 60_000;
const WEBHOOK_TIMEOUT_MS = 15_000;
const WEBHOOK_RETRY = { attempts: 5, baseMs: 1_000, maxMs: 60_000 };

/** Variables with secrets that a command needs no more than anybody else. */
const SECRETS = /^TILEWRIGHT_.*(TOKEN|SECRET)$/;

/** Tells that an update was published. What goes wrong is noted, and changes nothing: the tiles are there. */
export async function notify(notice: UpdateNotice, options: NotifyOptions): Promise<void> {
  const { command, webhook, note, signal } = options;
  const body = `${JSON.stringify(notice)}\n`;
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      note(`${what} failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  await Promise.all([
    command === null ? null : attempt('--on-change', () => runCommand(command, body, options)),
    webhook === null ? null : attempt('--webhook', () => postWebhook(webhook, body, options)),
  ]);
}

/** Runs a command line with the notice on its standard input, until it ends or its time is over. */
async function runCommand(command: string, body: string, { env, signal, note }: NotifyOptions): Promise<void> {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !SECRETS.test(name)));
  await runWithin({ signal, timeoutMs: COMMAND_TIMEOUT_MS }, async (inner) => {
    // Standard output is for results; what the command says goes where progress goes.
    const child = spawn(command, { shell: true, env: kept, stdio: ['pipe', 'pipe', 'pipe'], signal: inner });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => note(text.toString().trimEnd()));
    // A command that does not read it may close it.
    child.stdin.on('error', () => {});
    child.stdin.end(body);
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0) throw new Error(`exit code ${code ?? 'none'}`);
  });
}

async function postWebhook(url: string, body: string, options: NotifyOptions): Promise<void> {
  const { secret, signal, retry = WEBHOOK_RETRY } = options;
  const signature = secret === null ? null : createHmac('sha256', secret).update(body).digest('hex');
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'tilewright',
    ...(signature === null ? {} : { 'x-tilewright-signature': `sha256=${signature}` }),
  };
  await withRetries(() => post(url, { headers, body }, signal), retry, { signal });
}

async function post(
  url: string,
  { headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  signal: AbortSignal,
): Promise<void> {
  const where = new URL(url).origin;
  try {
    await runWithin({ signal, timeoutMs: WEBHOOK_TIMEOUT_MS }, async (inner) => {
      // Not followed: the signed body would go to whoever is named there.
      const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal: inner });
      await answer.body?.cancel();
      if (answer.ok) return;
      const mayPass = answer.status >= 500 || answer.status === 408 || answer.status === 429;
      const code = mayPass ? 'SOURCE_UNAVAILABLE' : 'REQUEST_INVALID';
      throw new TilerError(code, `Posting to ${where}: the server answered ${answer.status}, expected 2xx`);
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TilerError) throw error;
    const found = error instanceof TimeoutReached ? error.message : 'the connection failed';
    throw new TilerError('SOURCE_UNAVAILABLE', `Posting to ${where}: ${found}`, { cause: error });
  }
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { TilerError } from '../../src/errors.ts';
import { createAccess, isLoopback } from '../dashboard/access.ts';
import { readBody, sendJson, sendText } from '../dashboard/respond.ts';
import { pathOf, startPageServer } from '../page-server.ts';
import type { PageServer } from '../page-server.ts';
import { readEvent } from './read-event.ts';

export interface EventsServerOptions {
  readonly host: string;
  /** 0: a free one is chosen. */
  readonly port: number;
  /** Asked for with every event. */
  readonly token: string | null;
  /** Takes the IDs of items; what it throws is told to who sent them, so that they send them again. */
  readonly onItems: (ids: readonly string[]) => Promise<void>;
  /** Told what happens that a person may want to know. */
  readonly note: (text: string) => void;
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const CONFIRM_TIMEOUT_MS = 10_000;
const CLOSE_GRACE_MS = 3_000;

/**
 * Takes events about a catalog at `POST /events`, as `readEvent` understands them; `GET /healthz` says that it is there. The
 * token is given as `Authorization: Bearer`, or as the query parameter `token`, since SNS sends no headers of one's own. It
 * stands for whoever set it, also where SNS has a subscription confirmed. Signatures of SNS are not asked for: they say
 * that some topic has sent a message, and every account has topics.
 *
 * @throws TilerError `CONFIG_INVALID` without a token, or if it cannot listen
 */
export async function startEventsServer(options: EventsServerOptions): Promise<PageServer> {
  const { host, port, token } = options;
  if (token === null) {
    const found = `Listening for events on ${host}${isLoopback(host) ? '' : ', which others can reach'}`;
    throw new TilerError('CONFIG_INVALID', `${found}: found no TILEWRIGHT_EVENTS_TOKEN, expected one`);
  }
  const access = createAccess(token);
  const server = await startPageServer({ host, port }, async (request, response) => {
    response.setHeader('cache-control', 'no-store');
    if (pathOf(request) === '/healthz') sendText(response, 200, 'ok');
    else if (pathOf(request) !== '/events') sendText(response, 404, 'events are taken at /events');
    else if (request.method !== 'POST') sendText(response, 405, 'expected POST');
    else await takeEvent(request, response, options, access);
  });
  return { url: server.url, close: () => server.close(CLOSE_GRACE_MS) };
}

async function takeEvent(
  request: IncomingMessage,
  response: ServerResponse,
  { onItems, note }: EventsServerOptions,
  access: ReturnType<typeof createAccess>,
): Promise<void> {
  const given = new URL(request.url ?? '/', 'http://localhost').searchParams.get('token');
  if (given !== null && request.headers.authorization === undefined) request.headers.authorization = `Bearer ${given}`;
  const refusal = await access.check(request);
  if (refusal !== null) {
    return sendText(response, refusal.status, refusal.status === 401 ? 'expected the right token' : refusal.message);
  }
  const body = await readBody(request, MAX_BODY_BYTES);
  if (body === null) return sendText(response, 413, `expected at most ${MAX_BODY_BYTES} bytes`);
  const event = readEvent(body);
  if (event.kind === 'refused') return sendText(response, 400, `reading the event: ${event.problem}`);
  if (event.kind === 'farewell') {
    note('SNS has ended a subscription: its events do not come any more');
    return sendText(response, 200, 'noted');
  }
  if (event.kind === 'confirmation') {
    const isConfirmed = await confirm(event.url);
    note(isConfirmed ? 'a subscription of SNS was confirmed' : 'a subscription of SNS could not be confirmed');
    return sendText(
      response,
      isConfirmed ? 200 : 502,
      isConfirmed ? 'confirmed' : 'the subscription could not be confirmed',
    );
  }
  try {
    await onItems(event.ids);
  } catch (error) {
    note(`an event could not be kept: ${error instanceof Error ? error.message : String(error)}`);
    return sendText(response, 503, 'the event could not be kept; send it again');
  }
  sendJson(response, 202, { items: event.ids.length });
}

async function confirm(url: URL): Promise<boolean> {
  try {
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(CONFIRM_TIMEOUT_MS) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

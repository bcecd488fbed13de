import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Why a request is not answered. `logIn` = it lacks the token. */
export interface Refusal {
  readonly status: 401 | 403 | 415 | 429;
  readonly message: string;
}

/** Who may see and who may steer. */
export interface Access {
  readonly needsToken: boolean;
  /** Null = it may. A wrong token is refused slowly. */
  check(request: IncomingMessage): Promise<Refusal | null>;
  /** The value of a `Set-Cookie` header for the right token; a wrong one is refused slowly. */
  logIn(request: IncomingMessage, token: string): Promise<string | Refusal>;
}

const COOKIE = 'tilewright-dashboard';
const SESSION_S = 12 * 3600;
const FAILURE_WAIT_MS = 1_000;
/** Wrong tokens that wait for their refusal; more are refused unseen. */
const MAX_FAILURES_WAITING = 256;
const MAX_FAILURES_WAITING_PER_ADDRESS = 8;

const NAMES_OF_THIS_MACHINE = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;

/** True if only this machine can reach what listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/**
 * The rules of access. With a token, every request needs it: as `Authorization: Bearer`, or as the cookie that logging in
 * gives, which holds a signature made with the token and not the token. Without one, the server listens on loopback only
 * and answers to names of this machine only: a page of another site whose name was made to point here has another one.
 *
 * @param failureWaitMs - how long a wrong token waits for its refusal
 */
export function createAccess(
  token: string | null,
  { failureWaitMs = FAILURE_WAIT_MS }: { readonly failureWaitMs?: number } = {},
): Access {
  const waiting = new Map<string, number>();
  let waitingInAll = 0;

  /** Slow, so that guessing is, and bounded, so that guessers take no memory. */
  const judge = async (request: IncomingMessage, given: string): Promise<Refusal | null> => {
    const address = request.socket.remoteAddress ?? '';
    const mine = waiting.get(address) ?? 0;
    if (mine >= MAX_FAILURES_WAITING_PER_ADDRESS || waitingInAll >= MAX_FAILURES_WAITING)
      return { status: 429, message: 'too many wrong tokens; try again in a moment' };
    if (token !== null && isSame(given, token)) return null;
    waiting.set(address, mine + 1);
    waitingInAll++;
    await sleep(failureWaitMs, undefined, { ref: false });
    waitingInAll--;
    const left = (waiting.get(address) ?? 1) - 1;
    if (left > 0) waiting.set(address, left);
    else waiting.delete(address);
    return { status: 401, message: 'wrong token' };
  };

  return {
    needsToken: token !== null,
    async check(request) {
      if (token === null) {
        if (NAMES_OF_THIS_MACHINE.test(request.headers.host ?? '')) return null;
        return { status: 403, message: 'this dashboard answers to localhost, 127.0.0.1 and [::1] only' };
      }
      const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
      if (bearer !== undefined) return await judge(request, bearer);
      if (isSession(token, cookieOf(request))) return null;
      return { status: 401, message: 'this dashboard needs its token: Authorization: Bearer TOKEN, or log in' };
    },
    async logIn(request, given) {
      const refusal = await judge(request, given);
      if (refusal !== null || token === null) return refusal ?? { status: 403, message: 'there is no token' };
      const until = Math.floor(Date.now() / 1000) + SESSION_S;
      // A proxy that ends TLS says so; the cookie is then never sent without it.
      const secure = request.headers['x-forwarded-proto'] === 'https' ? '; Secure' : '';
      return `${COOKIE}=${until}.${signatureOf(token, until)}; Path=/; Max-Age=${SESSION_S}; HttpOnly; SameSite=Strict${secure}`;
    },
  };
}

/** The header that ends a session. */
export const LOG_OUT_COOKIE = `${COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict`;

/**
 * What is wrong with a request that changes something: it must come from a page of this server, and have a type that no
 * form of another site can send. Null = nothing. A client that is no browser proves with its token that it is none of
 * those pages.
 */
export function findForgery(request: IncomingMessage, contentType: string): Refusal | null {
  const { origin, host, authorization } = request.headers;
  const site = request.headers['sec-fetch-site'];
  // What the browser says of it comes first: behind a proxy the host may have another name here than there.
  const isOwn =
    site === undefined
      ? origin === undefined
        ? authorization !== undefined
        : origin === `http://${host ?? ''}` || origin === `https://${host ?? ''}`
      : site === 'same-origin';
  if (!isOwn) return { status: 403, message: 'changes are taken from the pages of this dashboard only' };
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  return type === contentType ? null : { status: 415, message: `expected the content type ${contentType}` };
}

function cookieOf(request: IncomingMessage): string {
  const pairs = (request.headers.cookie ?? '').split(/; */).map((pair) => pair.split('=', 2));
  return pairs.find(([name]) => name === COOKIE)?.[1] ?? '';
}

function isSession(token: string, cookie: string): boolean {
  const [, until = '', signature = ''] = /^(\d{1,12})\.([\w-]{43})$/.exec(cookie) ?? [];
  return isSame(signature, signatureOf(token, Number(until))) && Number(until) * 1000 > Date.now();
}

/** Made with the token, so that a new token ends all sessions, and every replica knows those of the others. */
function signatureOf(token: string, until: number): string {
  return createHmac('sha256', token).update(`tilewright dashboard session until ${until}`).digest('base64url');
}

/** Takes the same time wherever two texts differ, and whatever their lengths. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

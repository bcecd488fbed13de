import { ADDRESS_REFUSED } from '../cog/http-agent.ts';
import { TilerError, systemCodeOf } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { isObject, ownField } from './item.ts';

/** Of what a server says about its refusal, this much is passed on. */
const MAX_SERVER_MESSAGE_LENGTH = 300;

/**
 * The error of a STAC API's answer that is not a success: 401 and 403 are `STAC_FORBIDDEN`, 429 is `STAC_THROTTLED`,
 * 408 and 5xx (not 501) are `STAC_UNAVAILABLE`, and anything else, 400 and 404 above all, is `STAC_RESPONSE_INVALID`, which is not
 * tried again: asking the same once more gives the same.
 *
 * @param where - what was asked, for messages: `page 2 of the search at …`
 * @param body - the answer's text, from which the server's own words are taken, shortened
 * @param retryAfterMs - what the server asked for, or null
 */
export function fromStacStatus(status: number, where: string, body: string, retryAfterMs: number | null): TilerError {
  const said = serverMessage(body);
  const message = `Reading ${where}: the server answered ${status}${said === '' ? '' : ` (${said})`}, expected 200.${adviceFor(status)}`;
  return new TilerError(codeOfStatus(status), message, {
    context: { status },
    ...(retryAfterMs !== null && { retryAfterMs }),
  });
}

/**
 * The error of a connection that failed: `STAC_UNAVAILABLE`, except where the address itself is refused (link-local,
 * metadata services), which is `STAC_FORBIDDEN` and not tried again. The cause is kept.
 */
export function fromStacNetworkError(cause: unknown, where: string): TilerError {
  if (cause instanceof Error && systemCodeOf(cause) === ADDRESS_REFUSED) {
    return new TilerError('STAC_FORBIDDEN', `Reading ${where}: ${cause.message}.`, { cause });
  }
  const found =
    cause instanceof Error
      ? [cause.name, systemCodeOf(cause) ?? ''].filter((part) => part !== '').join(' ')
      : 'failure';
  return new TilerError('STAC_UNAVAILABLE', `Reading ${where}: the connection failed (${found}).`, { cause });
}

/** An address for messages: without credentials, query and fragment. */
export function addressLabel(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401 || status === 403) return 'STAC_FORBIDDEN';
  if (status === 429) return 'STAC_THROTTLED';
  const isPassing = status === 408 || (status >= 500 && status !== 501);
  return isPassing ? 'STAC_UNAVAILABLE' : 'STAC_RESPONSE_INVALID';
}

function adviceFor(status: number): string {
  if (status === 401 || status === 403) return ' The API wants credentials, or other ones.';
  return status === 404 ? " Is mosaic.url the search endpoint, or the API's landing page?" : '';
}

/** The words of a refusal: `detail`, `description`, `message` or `error` of a JSON answer, else the plain text. */
function serverMessage(body: string): string {
  const text = wordsOf(body).replaceAll(/\s+/g, ' ').trim();
  return text.length > MAX_SERVER_MESSAGE_LENGTH ? `${text.slice(0, MAX_SERVER_MESSAGE_LENGTH)}…` : text;
}

function wordsOf(body: string): string {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    // Proxies answer in HTML, whose markup would bury the status.
    return body.trimStart().startsWith('<') ? '' : body;
  }
  if (!isObject(document)) return typeof document === 'string' ? document : '';
  for (const field of ['detail', 'description', 'message', 'error']) {
    const value = ownField(document, field);
    if (typeof value === 'string') return value;
    if (isObject(value) || Array.isArray(value)) return JSON.stringify(value);
  }
  return '';
}

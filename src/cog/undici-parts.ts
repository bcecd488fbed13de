import type { Agent, buildConnector, Dispatcher } from 'undici';
import { loadLater } from '../load-later.ts';

/** What of undici is used. Its agent has `request` from its index only, which gives it to all dispatchers. */
export interface UndiciParts {
  readonly Agent: typeof Agent;
  readonly buildConnector: typeof buildConnector;
}

const loadAgent = loadLater('undici/lib/dispatcher/agent.js') as () => typeof Agent;
const loadDispatcher = loadLater('undici/lib/dispatcher/dispatcher.js') as () => typeof Dispatcher;
const loadConnector = loadLater('undici/lib/core/connect.js') as () => typeof buildConnector;
const loadMethods = loadLater('undici/lib/api/index.js') as () => object;
const loadWhole = loadLater('undici') as () => UndiciParts;

/**
 * The parts of undici that are used, without its caches, mocks, WebSockets and fetch: to load these too takes 70 ms of
 * every process, three times as long as the rest. A version in which the parts lie elsewhere is loaded as a whole.
 */
export function undiciParts(): UndiciParts {
  try {
    const parts = { Agent: loadAgent(), buildConnector: loadConnector() };
    // As undici's index does.
    Object.assign(loadDispatcher().prototype, loadMethods());
    return parts;
  } catch {
    return loadWhole();
  }
}

/** What a request may have, besides where it goes. */
type RequestOptions = Omit<Dispatcher.RequestOptions, 'origin' | 'path'> & { readonly dispatcher: Dispatcher };

/** undici's `request`, by a dispatcher that is given. */
export async function request(url: URL, options: RequestOptions): Promise<Dispatcher.ResponseData> {
  const { dispatcher, ...rest } = options;
  return await dispatcher.request({ ...rest, origin: url.origin, path: `${url.pathname}${url.search}` });
}

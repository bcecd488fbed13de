import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach } from 'vitest';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A request that arrived, the first one first. */
interface ArrivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

/** An HTTP server on loopback that answers as it is told to, and to which requests for S3 go until it is closed. */
export interface ScriptedS3 extends AsyncDisposable {
  /** The next answers, in turn, to what is no HEAD; 200 without a body when there is none left. */
  answers: Answer[];
  /** All but HEAD. */
  requests: ArrivedRequest[];
}

const ENV = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'hidden-secret' };

/**
 * Starts one; any bucket is there.
 *
 * @param env - for this process in the meantime, besides the endpoint and credentials
 */
async function startScriptedS3(env: Readonly<Record<string, string>> = {}): Promise<ScriptedS3> {
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => {
      const { method = '', url = '', headers } = request;
      if (method === 'HEAD') return response.writeHead(200).end();
      scripted.requests.push({ method, path: url, headers });
      const answer = scripted.answers.shift();
      return answer === undefined ? response.writeHead(200).end() : answer(request, response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const before = { ...process.env };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const set = { ...ENV, ...env, AWS_ENDPOINT_URL_S3: url };
  Object.assign(process.env, set);
  const scripted: ScriptedS3 = {
    answers: [],
    requests: [],
    async [Symbol.asyncDispose]() {
      for (const name of Object.keys(set)) delete process.env[name];
      Object.assign(process.env, before);
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return scripted;
}

/** Gives each test of a file one of its own. For the top of a file, before hooks that need it. */
export function scriptedS3(): Omit<ScriptedS3, keyof AsyncDisposable> {
  let current: ScriptedS3;
  beforeEach(async () => {
    current = await startScriptedS3();
  });
  afterEach(async () => {
    await current[Symbol.asyncDispose]();
  });
  return {
    get answers() {
      return current.answers;
    },
    set answers(answers) {
      current.answers = answers;
    },
    get requests() {
      return current.requests;
    },
    set requests(requests) {
      current.requests = requests;
    },
  };
}

/** Methods of all requests, the first one first. */
export function methodsOf({ requests }: Pick<ScriptedS3, 'requests'>): readonly string[] {
  return requests.map(({ method }) => method);
}

/** Refusals that another attempt may pass, and what they are to the queue. */
export const PASSING_REFUSALS = [
  { status: 503, name: 'SlowDown', code: 'STORE_THROTTLED' },
  { status: 429, name: 'TooManyRequests', code: 'STORE_THROTTLED' },
  { status: 500, name: 'InternalError', code: 'STORE_UNAVAILABLE' },
  { status: 503, name: 'ServiceUnavailable', code: 'STORE_UNAVAILABLE' },
  { status: 502, name: '', code: 'STORE_UNAVAILABLE' },
] as const;

/** An answer with S3's words for an error; an empty name = no body. */
export function refusal(status: number, name: string, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = name === '' ? '' : `<Error><Code>${name}</Code><Message>No: ${name}</Message></Error>`;
  return (_, response) => response.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(body);
}

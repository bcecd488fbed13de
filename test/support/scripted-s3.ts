import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

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
export async function startScriptedS3(env: Readonly<Record<string, string>> = {}): Promise<ScriptedS3> {
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

/** An answer with S3's words for an error; an empty name = no body. */
export function refusal(status: number, name: string, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = name === '' ? '' : `<Error><Code>${name}</Code><Message>No: ${name}</Message></Error>`;
  return (_, response) => response.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(body);
}

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3';

/** An object to be put, as the SDK takes it. */
interface S3Put {
  readonly input: Omit<PutObjectCommandInput, 'Body' | 'Key'>;
  readonly key: string;
  readonly body: Buffer;
}

/** Puts objects one by one. */
export type PutInS3 = (put: S3Put, abortSignal: AbortSignal) => Promise<void>;

type Request = Parameters<S3Client['config']['requestHandler']['handle']>[0];

/** Whoever signs a request of the SDK, as what it found out before. */
interface AuthScheme {
  readonly httpAuthOption: { readonly schemeId: string; readonly signingProperties?: Record<string, unknown> };
  readonly identity: { readonly expiration?: Date };
  readonly signer: {
    sign(request: object, identity: object, properties: Record<string, unknown>): Promise<Request>;
    successHandler?(response: object, properties: Record<string, unknown>): void;
  };
}

/** A request that the SDK made, without what is another object's. */
interface Template {
  readonly request: Request;
  /** All of its path before the key. */
  readonly root: string;
  readonly scheme: AuthScheme;
}

/** Keys of tilesets: those that stand in a URL as they are. */
const PLAIN_KEY = /^[\w./-]+$/;

/** Of another object, another time, or another attempt; also what the signer adds. */
const OWN_HEADERS =
  /^(authorization|expect|content-(length|md5)|x-amz-(content-sha256|date|security-token)|amz-sdk-.*)$/;

const CHECKSUMS: Readonly<Record<string, (body: Buffer) => string>> = {
  'x-amz-checksum-crc32': (body) => {
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(body));
    return sum.toString('base64');
  },
  'x-amz-checksum-sha256': (body) => createHash('sha256').update(body).digest('base64'),
};

/** Credentials that end sooner are asked for anew, by the SDK. */
const EXPIRES_SOON_MS = 5 * 60_000;

/** Tiles, documents and versions differ in their headers, with a checksum and without. */
const MAX_TEMPLATES = 16;

/** S3's errors take some hundred bytes. */
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * Puts objects as the SDK does, for a third of the processor time: it takes 1.5 ms for a tile, as much as rendering it, to
 * work out the same endpoint, headers and credentials for each. Here it does so once for all objects of the same headers;
 * from then on its request is taken as it was, with another key, body and checksum, and given to its own signer and its
 * own HTTP handler. What is refused, but for faults of the server and too many requests, is sent by the SDK again, with
 * everything worked out anew.
 *
 * @throws what `S3Client.send` throws, or an error of the same parts (`parseAwsError`)
 */
export function createS3Put(client: S3Client): PutInS3 {
  const templates = new Map<string, Template>();
  return async (put, abortSignal) => {
    const kind = JSON.stringify(put.input);
    const template = templates.get(kind);
    if (template !== undefined && PLAIN_KEY.test(put.key) && !expiresSoon(template)) {
      if (await sendLike(client, template, put, abortSignal)) return;
    }
    templates.delete(kind);
    const made = await sendWhole(client, put, abortSignal);
    if (made !== null && templates.size < MAX_TEMPLATES) templates.set(kind, made);
  };
}

function expiresSoon({ scheme }: Template): boolean {
  const { expiration } = scheme.identity;
  return expiration !== undefined && expiration.getTime() - Date.now() < EXPIRES_SOON_MS;
}

/** @returns what others can be sent like; null = none can */
async function sendWhole(
  client: S3Client,
  { input, key, body }: S3Put,
  abortSignal: AbortSignal,
): Promise<Template | null> {
  const command = new PutObjectCommand({ ...input, Key: key, Body: body });
  const seen: { template: Template | null } = { template: null };
  command.middlewareStack.add(
    (next, context) => async (args) => {
      const { selectedHttpAuthScheme: scheme } = (context['__smithy_context'] ?? {}) as Record<string, unknown>;
      seen.template = templateOf(args.request as Request, scheme as AuthScheme | undefined, key);
      return await next(args);
    },
    { step: 'finalizeRequest', priority: 'low', name: 'seeRequest' },
  );
  await client.send(command, { abortSignal });
  return seen.template;
}

/** Null for what is signed in another way (S3 Express, signatures for many regions), or is sent in chunks. */
function templateOf(request: Request, scheme: AuthScheme | undefined, key: string): Template | null {
  if (scheme?.httpAuthOption.schemeId !== 'aws.auth#sigv4' || !PLAIN_KEY.test(key)) return null;
  const { path } = request;
  const headers = Object.entries(request.headers);
  const isKnown = headers.every(([name]) => !name.startsWith('x-amz-checksum-') || name in CHECKSUMS);
  const isPlain = isKnown && !headers.some(([name]) => name === 'x-amz-s3session-token' || name === 'content-encoding');
  if (!isPlain || !path.endsWith(`/${key}`)) return null;
  const kept = Object.fromEntries(headers.filter(([name]) => !OWN_HEADERS.test(name)));
  return {
    request: { ...request, headers: kept, body: undefined },
    root: path.slice(0, -key.length),
    scheme,
  };
}

/** @returns false if it was refused, for which something that was found out before may be the reason */
async function sendLike(
  client: S3Client,
  { request, root, scheme }: Template,
  { key, body }: S3Put,
  abortSignal: AbortSignal,
): Promise<boolean> {
  const headers: Record<string, string> = { ...request.headers, 'content-length': String(body.length) };
  for (const [name, sumOf] of Object.entries(CHECKSUMS)) if (name in headers) headers[name] = sumOf(body);
  const properties = scheme.httpAuthOption.signingProperties ?? {};
  const unsigned = { ...request, headers, body, path: root + key };
  const signed = await scheme.signer.sign(unsigned, scheme.identity, properties);
  const { response } = await client.config.requestHandler.handle(signed, { abortSignal });
  const { statusCode } = response;
  const text = await textOf(response.body as AsyncIterable<Uint8Array>);
  if (statusCode === 200) {
    scheme.signer.successHandler?.(response, properties);
    return true;
  }
  // Another request would only add to what the server has too much of.
  if (statusCode < 500 && statusCode !== 429) return false;
  const [name = 'UnknownError', message = ''] = ['Code', 'Message'].map((tag) => contentOf(text, tag));
  throw Object.assign(new Error(message), { name, $metadata: { httpStatusCode: statusCode }, $response: response });
}

/** To its end, so that the connection serves the next one. */
async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length <= MAX_ANSWER_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Of an element of an error of S3, which has no children. */
function contentOf(xml: string, tag: string): string | undefined {
  return new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1];
}

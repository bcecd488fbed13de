import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Queues } from '../queue/queues.ts';

/** Answers a request for something under `/queues`. */
export type BullBoard = (request: IncomingMessage, response: ServerResponse) => void;

/** Its page has inline styles, sets its own base, and would load a font from elsewhere, which it does without. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * Bull Board over both queues, to look at single jobs. It changes nothing: its buttons are off, and only GET and HEAD get
 * through, since a job that is removed or retried past the record of its run helps nobody. Loaded when it is asked for.
 */
export async function createBullBoard({ runQueue, metatileQueue }: Queues): Promise<BullBoard> {
  const [api, { BullMQAdapter }, { ExpressAdapter }, { default: express }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullMQAdapter'),
    import('@bull-board/express'),
    import('express'),
  ]);
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath('/queues');
  const queues = [metatileQueue, runQueue].map((queue) => new BullMQAdapter(queue, { readOnlyMode: true }));
  api.createBullBoard({ queues, serverAdapter, options: { uiConfig: { boardTitle: 'Tilewright' } } });
  const app = express();
  app.disable('x-powered-by');
  app.use('/queues', serverAdapter.getRouter());
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      request.resume();
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY);
    response.setHeader('referrer-policy', 'same-origin');
    app(request, response);
  };
}

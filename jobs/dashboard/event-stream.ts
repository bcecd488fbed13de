import type { ServerResponse } from 'node:http';
import { sendText } from './respond.ts';
import type { RunFeed } from './feed.ts';

/** Pages that listen at the same time. */
const MAX_STREAMS = 200;
/** A page that does not read is cut; it connects again when it wakes up. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/** Answers with what happens to the runs, as Server-Sent Events, until the page goes or `closing`. */
export function openEventStream(response: ServerResponse, feed: RunFeed, closing: AbortSignal): void {
  if (feed.listeners() >= MAX_STREAMS || closing.aborted) {
    sendText(response, 503, 'too many pages are open');
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
  response.write('retry: 2000\n\n');
  const end = (): void => void response.end();
  closing.addEventListener('abort', end, { once: true });
  const stop = feed.listen((message) => {
    if (response.writableLength > MAX_WAITING_BYTES) response.destroy();
    else response.write(message);
  });
  response.once('close', () => {
    stop();
    closing.removeEventListener('abort', end);
  });
}

import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { until } from './processes.ts';

const CHANNEL = '+switch-master';

/** A Sentinel that answers when it is told to, so that a failover can be announced at a moment of choice. */
export interface ScriptedSentinel extends AsyncDisposable {
  readonly url: string;
  /** Resolves once somebody listens for failovers. */
  untilListenedTo(): Promise<void>;
  /** From now on nobody is told where the primary is. */
  hold(): void;
  /** Resolves once somebody has asked for that in vain. */
  untilAsked(): Promise<void>;
  /** Tells all who ask, and have asked. */
  release(): void;
  /** Says to all who listen that there is another primary, and resolves once they listen no more. */
  announce(): Promise<void>;
}

/** Starts one that knows a primary at a port of the loopback. */
export async function startScriptedSentinel(primaryPort: number): Promise<ScriptedSentinel> {
  const listeners = new Set<Socket>();
  const asking: Socket[] = [];
  const sockets = new Set<Socket>();
  let isHeld = false;
  const tell = (socket: Socket): void => void socket.write(bulks(['127.0.0.1', String(primaryPort)]));
  const obey = (socket: Socket, [name = '', what = '']: readonly string[]): void => {
    const command = `${name} ${what}`.toLowerCase();
    if (command.startsWith('sentinel get-master')) {
      if (isHeld) asking.push(socket);
      else tell(socket);
    } else if (command.startsWith('sentinel ')) socket.write('*0\r\n');
    else if (command.startsWith('hello ')) socket.write('%1\r\n+proto\r\n:3\r\n');
    else if (command.startsWith('subscribe ')) {
      listeners.add(socket);
      socket.write(`>3\r\n+subscribe\r\n+${CHANNEL}\r\n:1\r\n`);
    } else socket.write('+OK\r\n');
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('close', () => {
      listeners.delete(socket);
      sockets.delete(socket);
    });
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      for (let next = takeCommand(text); next !== null; next = takeCommand(text)) {
        text = next.rest;
        obey(socket, next.command);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    untilListenedTo: async () => void (await until('a listener', () => Promise.resolve(listeners.size > 0))),
    hold: () => void (isHeld = true),
    untilAsked: async () => void (await until('a question', () => Promise.resolve(asking.length > 0))),
    release() {
      isHeld = false;
      for (const socket of asking.splice(0)) tell(socket);
    },
    async announce() {
      for (const socket of listeners) socket.write(`>3\r\n+message\r\n+${CHANNEL}\r\n+tiles\r\n`);
      await until('the listeners to close', () => Promise.resolve(listeners.size === 0));
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function bulks(texts: readonly string[]): string {
  return `*${texts.length}\r\n${texts.map((text) => `$${text.length}\r\n${text}\r\n`).join('')}`;
}

/** The first whole command of a text of ASCII, and what follows it; null = it is not all there. */
function takeCommand(text: string): { readonly command: readonly string[]; readonly rest: string } | null {
  const lines = text.split('\r\n');
  const count = Number(lines[0]?.slice(1));
  // A line for the count; for each word one with its length and one with itself; and what follows the last line end.
  if (lines[0] === '' || lines.length < 2 + 2 * count) return null;
  const words = Array.from({ length: count }, (_, i) => lines[2 + 2 * i] ?? '');
  return { command: words, rest: lines.slice(1 + 2 * count).join('\r\n') };
}

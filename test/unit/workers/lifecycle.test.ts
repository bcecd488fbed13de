import { expect, test } from 'vitest';
import { superviseShutdown } from '../../../workers/lifecycle.ts';

function supervised() {
  const exits: number[] = [];
  const causes: string[] = [];
  let signal: (name: string) => void = () => {};
  let disconnect: () => void = () => {};
  let end: { readonly well: () => void; readonly badly: () => void } = { well: () => {}, badly: () => {} };
  superviseShutdown(
    {
      onSignal: (listener) => void (signal = listener),
      onDisconnect: (listener) => void (disconnect = listener),
      exit: (code) => void exits.push(code),
    },
    (cause) => {
      causes.push(cause);
      return new Promise<void>((resolve, reject) => {
        end = { well: resolve, badly: () => reject(new Error('x')) };
      });
    },
  );
  return { exits, causes, signal: (name: string) => signal(name), disconnect: () => disconnect(), end: () => end };
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test('the first signal begins the shutdown, whose end is exit 0', async () => {
  const process = supervised();
  process.signal('SIGTERM');
  await settled();
  expect([process.causes, process.exits]).toStrictEqual([['SIGTERM'], []]);
  process.end().well();
  await settled();
  expect(process.exits).toStrictEqual([0]);
});

test('a second signal exits at once', () => {
  const process = supervised();
  process.signal('SIGINT');
  process.signal('SIGINT');
  expect([process.causes, process.exits]).toStrictEqual([['SIGINT'], [130]]);
});

test('the loss of the parent is like a signal, and a signal together with it is not a second one', async () => {
  const process = supervised();
  process.signal('SIGTERM');
  process.disconnect();
  process.end().well();
  await settled();
  expect([process.causes, process.exits]).toStrictEqual([['SIGTERM'], [0]]);
});

test('a shutdown that fails is exit 1', async () => {
  const process = supervised();
  process.disconnect();
  process.end().badly();
  await settled();
  expect(process.exits).toStrictEqual([1]);
});

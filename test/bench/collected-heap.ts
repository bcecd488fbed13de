import { WebSocket } from 'undici';

/** What lies in the memory of a process of Node right after a collection, in bytes. */
export interface CollectedHeap {
  /** Objects. */
  readonly heapUsed: number;
  /** What objects hold outside of the heap: pixels, blocks, the memory of WebAssembly. */
  readonly external: number;
}

/** Asks a process of Node that was started with `--inspect`. */
export interface HeapInspector extends AsyncDisposable {
  /** Collects all that can be, and looks then. */
  collect(): Promise<CollectedHeap>;
}

const ANSWER_MS = 30_000;

/** @param log - what the process wrote to stderr: where its inspector listens stands there */
export async function openHeapInspector(log: string): Promise<HeapInspector> {
  const address = /ws:\/\/\S+/.exec(log)?.[0];
  if (address === undefined) throw new Error(`No inspector is named in: ${log.slice(0, 1000)}`);
  const socket = new WebSocket(address);
  const answers = new Map<number, (result: unknown) => void>();
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { readonly id?: number; readonly result?: unknown };
    if (id !== undefined) answers.get(id)?.(result);
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', () => reject(new Error(`Nobody answers at ${address}`)), { once: true });
  });
  let asked = 0;
  const ask = async (method: string, params: object = {}): Promise<unknown> => {
    const id = ++asked;
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer in ${ANSWER_MS} ms`)), ANSWER_MS);
      answers.set(id, (result) => {
        clearTimeout(timer);
        answers.delete(id);
        resolve(result);
      });
      socket.send(JSON.stringify({ id, method, params }));
    });
  };
  return {
    async collect() {
      await ask('HeapProfiler.collectGarbage');
      // What ends with its object is ended behind the first collection.
      await ask('HeapProfiler.collectGarbage');
      const expression = 'JSON.stringify(process.memoryUsage())';
      const found = (await ask('Runtime.evaluate', { expression })) as { readonly result: { readonly value: string } };
      return JSON.parse(found.result.value) as CollectedHeap;
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await Promise.resolve();
    },
  };
}

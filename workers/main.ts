import { TilerError } from '../src/errors.ts';
import { prepareEngine } from '../jobs/prepare-engine.ts';
import type { FromRenderProcess, ToRenderProcess } from '../jobs/local/render-channel.ts';
import type { ToWorker } from '../jobs/fleet/worker-channel.ts';
import { createKeptEvents } from './kept-events.ts';

/*
 * Where every process of Tilewright except the command line begins: without an argument it is a worker of the queue,
 * with `render` a process of `tilewright render`, which gets all else from its parent. What only one of them needs is
 * imported there: starting costs as much as some hundred tiles.
 */
prepareEngine();

// On Node 20 the AWS SDK announces on stderr, for every process, that it will need a later one some day.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

if (process.argv[2] === 'render') await startRenderProcess();
else await startWorker();

async function startRenderProcess(): Promise<void> {
  const onDisconnect = keepDisconnect();
  const { runRenderProcess } = await import('./render-process.ts');
  runRenderProcess(
    {
      // The channel may close at any time; who listens to 'disconnect' deals with it.
      send: (message: FromRenderProcess) => void process.send?.(message, undefined, undefined, () => {}),
      onMessage: (listener) => void process.on('message', (message) => listener(message as ToRenderProcess)),
      onDisconnect,
    },
    (code) => process.exit(code),
  );
}

async function startWorker(): Promise<void> {
  const signals = createKeptEvents<string>();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, signals.tell);
  const onDisconnect = keepDisconnect();
  try {
    const { parseConfig } = await import('../src/config.ts');
    const config = parseConfig(process.env);
    const [{ createLogger }, { runWorkerProcess }] = await Promise.all([
      import('./logger.ts'),
      import('./worker-process.ts'),
    ]);
    await runWorkerProcess(config, createLogger(config.logLevel), {
      onSignal: signals.listen,
      onDisconnect,
      exit: (code) => process.exit(code),
      parent:
        process.send === undefined
          ? null
          : {
              // The channel may close at any time; who listens to 'disconnect' deals with it.
              send: (message) => void process.send?.(message, undefined, undefined, () => {}),
              onMessage: (listener) => void process.on('message', (message) => listener(message as ToWorker)),
            },
    });
  } catch (error) {
    if (!(error instanceof TilerError)) throw error;
    process.stderr.write(`${error.code}: ${error.message}\n`);
    process.exit(error.code === 'CONFIG_INVALID' ? 2 : 1);
  }
}

/** @returns takes the listener to the loss of the parent, whenever that was; never called without a parent */
function keepDisconnect(): (listener: () => void) => void {
  const { tell, listen } = createKeptEvents<null>();
  process.on('disconnect', () => tell(null));
  // It may be gone already.
  if (process.send !== undefined && !process.connected) tell(null);
  return listen;
}

/*
 * A worker process of the queue whose metatiles cost nothing: all is real, and as built, but the renderer, which says
 * that every tile is rendered. JavaScript, because a loader of TypeScript would be in its memory.
 */
import { createReadingPipeline } from '../../dist/jobs/pipeline.js';
import { parseConfig } from '../../dist/src/config.js';
import { NOTHING_LEFT_OUT } from '../../dist/src/render/left-out.js';
import { createMemoryStore } from '../../dist/src/store/memory-store.js';
import { allTilesOf } from '../../dist/src/tms/metatile.js';
import { superviseShutdown } from '../../dist/workers/lifecycle.js';
import { createLogger } from '../../dist/workers/logger.js';
import { createWorkerRuntime } from '../../dist/workers/runtime.js';

const config = parseConfig(process.env);
const logger = createLogger(config.logLevel);
const inputs = { signature: '0'.repeat(32), scenes: [], children: [] };
const report = { empty: 0, failures: [], leftOut: NOTHING_LEFT_OUT, inputs, part: null };
const renderMetatile = (work) => Promise.resolve({ ...report, rendered: allTilesOf(work).length });

function openPipeline(request, settings) {
  const reading = createReadingPipeline(request, settings, logger);
  return Promise.resolve({ ...reading, renderer: { ...reading.renderer, renderMetatile }, store });
}

const nothing = () => Promise.resolve();
const sink = { begin: nothing, put: nothing, delete: nothing, commit: nothing, keep: nothing };
const store = Object.assign(createMemoryStore(), { openMetatile: () => sink });

// Nothing is staged, so there is nothing to publish.
const runtime = createWorkerRuntime(config, logger, { openPipeline, finishTileset: () => Promise.resolve(null) });
superviseShutdown(
  {
    onSignal: (listener) => void process.on('SIGTERM', listener),
    onDisconnect: (listener) => void process.on('disconnect', listener),
    exit: (code) => process.exit(code),
  },
  () => runtime.close(config.shutdownGraceMs),
);
await runtime.ready();
logger.info({}, 'worker ready');

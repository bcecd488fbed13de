import { once } from 'node:events';
import type { Command } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { loadConfig, parseWhole } from './shared.ts';

/** `tilewright preview`: a page on loopback in which the tiles can be looked at. */
export const previewCommand: Command = {
  name: 'preview',
  summary: 'show the tiles of an output in a page on this machine',
  positionals: [{ name: 'OUTPUT', description: 'a folder, a file: URL, or s3://bucket/prefix' }],
  options: { port: { value: 'N', description: 'default any free one' } },
  notes: ['Ctrl-C ends it.'],
  async run(context, args) {
    const { startPreviewServer } = await import('../preview/preview-server.ts');
    const config = await loadConfig(context, args);
    const { signal } = context;
    const port = args.options['port'] === undefined ? 0 : parseWhole('--port', args.options['port'], 0, 65_535);
    const server = await startPreviewServer({
      output: args.positionals['OUTPUT'] ?? '',
      port,
      forcePathStyle: config.s3.forcePathStyle,
      signal,
    });
    context.print(server.url);
    if (!signal.aborted) await once(signal, 'abort');
    await server.close();
    return EXIT.done;
  },
};

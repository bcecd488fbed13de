import { once } from 'node:events';
import type { Command } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { loadConfig, parseWhole } from './shared.ts';

/** `tilewright preview`: a page on loopback in which the tiles can be looked at. */
export const previewCommand: Command = {
  name: 'preview',
  summary: 'show a tileset in a page on this machine, and serve it to map clients',
  positionals: [
    {
      name: 'TILESET',
      description: 'folder or s3://bucket/prefix of tiles, .pmtiles (file, http(s), s3), .mbtiles, or a request',
    },
  ],
  options: { port: { value: 'N', description: 'default any free one' } },
  notes: [
    'Served besides: tilejson.json, style.json, WMTSCapabilities.xml, tiles/Z/X/Y.EXT and archive.pmtiles,',
    'to pages of every origin; ?v=ID names a version that is kept. What is published meanwhile is picked',
    'up within seconds. Ctrl-C ends it.',
  ],
  async run(context, args) {
    const { startPreviewServer } = await import('../preview/preview-server.ts');
    const config = await loadConfig(context, args);
    const { cwd, signal } = context;
    const port = args.options['port'] === undefined ? 0 : parseWhole('--port', args.options['port'], 0, 65_535);
    const target = args.positionals['TILESET'] ?? '';
    const server = await startPreviewServer({ target, config, cwd, port, signal });
    context.print(server.url);
    if (!signal.aborted) await once(signal, 'abort');
    await server.close();
    return EXIT.done;
  },
};

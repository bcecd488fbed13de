import { createIoCounters } from '../../src/observe.ts';
import { TilerError } from '../../src/errors.ts';
import type { Command } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { REQUEST_POSITIONAL, loadConfig, loadRequest, parseBbox } from './shared.ts';

/** `tilewright touch`: says that something changed, for the next look of `watch`. */
export const touchCommand: Command = {
  name: 'touch',
  summary: 'tell watch what to look at again: items, or a box',
  positionals: [REQUEST_POSITIONAL],
  options: {
    item: { value: 'ID,…', description: 'items that have changed, with commas between' },
    bbox: { value: 'W,S,E,N', description: 'everything in a box, in degrees' },
    output: { value: 'PLACE', description: "instead of the request's output" },
  },
  notes: [
    'The next look of watch renders what has changed there, also what its items do not tell, such as other files.',
  ],
  async run(context, args) {
    const { item, bbox: box, ...others } = args.options;
    if ((item === undefined) === (box === undefined)) {
      throw new TilerError('REQUEST_INVALID', 'tilewright touch: expected one of --item and --bbox');
    }
    const [{ openOutput }, { touchOutput }] = await Promise.all([
      import('../open-output.ts'),
      import('../watch/touch-output.ts'),
    ]);
    const config = await loadConfig(context, args);
    const request = await loadRequest(context, { ...args, options: others });
    const { signal } = context;
    await using store = await openOutput(request, config, { counters: createIoCounters(), signal });
    const ids = item?.split(',').filter((id) => id !== '') ?? [];
    const bbox = box === undefined ? null : parseBbox('--bbox', box);
    await touchOutput(request, store, { ids, bbox, signal });
    context.print(item === undefined ? 'the box is looked at next' : `${ids.length} items are looked at next`);
    return EXIT.done;
  },
};

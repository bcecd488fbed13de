import { createPixelSelection, PIXEL_SELECTION_NAMES } from '../../src/mosaic/pixel-selection/registry.ts';
import type { PixelSelectionName } from '../../src/mosaic/pixel-selection/registry.ts';
import { describePixelSelection } from './pixel-selection.contract.ts';
import type { PixelSelectionCase } from './pixel-selection.contract.ts';

type Alone = NonNullable<PixelSelectionCase['alone']>;

const withoutLast: Alone = (values) => values.slice(0, -1);

/** Rules that make other values of the pixel of a single scene. */
const ALONE: Partial<Record<PixelSelectionName, Alone>> = {
  stdev: (values) => values.map(() => 0),
  count: () => [1],
  lastBandHigh: withoutLast,
  lastBandLow: withoutLast,
};

for (const name of PIXEL_SELECTION_NAMES) {
  const alone = ALONE[name] ?? ((values) => values);
  describePixelSelection(name, { create: (shape, options) => createPixelSelection(name, shape, options), alone });
}

for (const name of ['highest', 'lowest'] as const) {
  describePixelSelection(`${name}, band by band`, {
    create: (shape, options) => createPixelSelection(name, shape, { ...options, bandRule: 'band' }),
  });
}

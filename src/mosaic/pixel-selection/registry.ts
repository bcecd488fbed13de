import type { CreatePixelSelection, MosaicShape, PixelSelection } from '../pixel-selection.ts';
import { createFirst } from './first.ts';

/** Every rule by the name that a request uses. A constant, so that importing a rule registers nothing. */
const PIXEL_SELECTIONS = { first: createFirst } as const satisfies Record<string, CreatePixelSelection>;

/** Name of a pixel selection, as a request spells it. */
export type PixelSelectionName = keyof typeof PIXEL_SELECTIONS;

/** All names, in the order of the documentation. */
export const PIXEL_SELECTION_NAMES = Object.keys(PIXEL_SELECTIONS) as readonly PixelSelectionName[];

/** Makes the pixel selection of that name for one tile. */
export function createPixelSelection(name: PixelSelectionName, shape: MosaicShape): PixelSelection {
  return PIXEL_SELECTIONS[name](shape);
}

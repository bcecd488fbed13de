import { createPixelSelection, PIXEL_SELECTION_NAMES } from '../../src/mosaic/pixel-selection/registry.ts';
import { describePixelSelection } from './pixel-selection.contract.ts';

for (const name of PIXEL_SELECTION_NAMES) describePixelSelection(name, (shape) => createPixelSelection(name, shape));

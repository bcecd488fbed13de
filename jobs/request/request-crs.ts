import type { AssumedPlace } from '../../src/cog/georeference.ts';
import { parseCrs } from '../../src/geo/parse-crs.ts';
import { statedCrs } from '../../src/geo/stated-crs.ts';
import type { CheckedFields } from './request-checks.ts';
import { problem } from './request-problem.ts';
import type { Problem } from './request-problem.ts';
import type { TilesetRequest } from './request-schema.ts';

/** What a request says of where files lie: of those that do not say it themselves, or with `crsOverride` of all. */
export function assumedPlaceOf({ crs, crsOverride }: Pick<TilesetRequest, 'crs' | 'crsOverride'>): AssumedPlace {
  if (crs === undefined) return {};
  const parsed = parseCrs(crs);
  return crsOverride ? { crs: parsed } : { fallbackCrs: parsed };
}

/** What is wrong with what a request says of its sources. */
export function sourceProblems(fields: CheckedFields): readonly Problem[] {
  return [...crsProblems(fields), ...unscaleProblems(fields)];
}

function crsProblems({ crs, crsOverride }: CheckedFields): readonly Problem[] {
  if (crs === undefined) {
    return crsOverride === true ? [problem('crsOverride', crsOverride, 'a CRS to override with, as "crs"')] : [];
  }
  const stated = statedCrs(crs);
  return stated.kind === 'unreadable' ? [{ path: 'crs', text: stated.problem }] : [];
}

/** Values are no colours: without a range to show there would be an error at the first tile. */
function unscaleProblems({ unscale = 'none', rescale, colormap, pixelSelection }: CheckedFields): readonly Problem[] {
  const isColoured = rescale !== undefined || typeof colormap === 'object' || pixelSelection === 'count';
  return unscale === 'none' || isColoured
    ? []
    : [problem('unscale', unscale, '"rescale" too, the range of values to show, in units of the values')];
}

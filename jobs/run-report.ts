import type { TileFailure } from '../src/render/tile-renderer.ts';
import { formatCount, formatDuration } from './progress.ts';
import type { RunStatus } from './runs.ts';

/** Failed tiles that are listed for people; `--json` lists all that are kept. */
export const MAX_LISTED_FAILURES = 20;

/** One line that says how far a run is. */
export function runLine(status: RunStatus): string {
  const { run, state, tiles, rendered, empty, failed, settledMetatiles, metatiles, unchangedMetatiles, output } =
    status;
  return [
    run,
    state,
    `${formatCount(rendered + empty + failed)}/${formatCount(tiles)} tiles`,
    `${formatCount(settledMetatiles)}/${formatCount(metatiles)} metatiles`,
    ...(unchangedMetatiles > 0 ? [`${formatCount(unchangedMetatiles)} of them unchanged`] : []),
    `${formatCount(failed)} failed`,
    ...paceParts(status),
    output,
  ].join('  ');
}

/** All that is known of one run: its line, why it ended, its zooms, and what failed. */
export function runLines(status: RunStatus, failures: readonly TileFailure[]): readonly string[] {
  return [
    runLine(status),
    ...(status.reason === null ? [] : [`  ended early: ${status.reason}`]),
    ...status.zooms.map(
      ({ z, metatiles, done, failed }) =>
        `  zoom ${String(z).padStart(2)}  ${formatCount(done)}/${formatCount(metatiles)} metatiles` +
        (failed > 0 ? `, ${formatCount(failed)} failed` : ''),
    ),
    ...failureLines(status, failures),
  ];
}

/** A failed tile as people read it. */
export function failureLine({ tile, code, message, asset = null }: TileFailure): string {
  return `${tile.z}/${tile.x}/${tile.y}  ${code}${asset === null ? '' : ` ${asset}`}: ${message}`;
}

/** A failed tile as programs read it. */
export function failureRecord({ tile, code, message, asset = null }: TileFailure): Readonly<Record<string, unknown>> {
  return { tile: `${tile.z}/${tile.x}/${tile.y}`, code, message, asset };
}

function paceParts({ tilesPerSecond, etaSeconds }: RunStatus): readonly string[] {
  return [
    ...(tilesPerSecond === null ? [] : [`${formatCount(Math.round(tilesPerSecond))} tiles/s`]),
    ...(etaSeconds === null ? [] : [`${formatDuration(etaSeconds)} left`]),
  ];
}

function failureLines({ failed, failuresByCode }: RunStatus, failures: readonly TileFailure[]): readonly string[] {
  const codes = Object.entries(failuresByCode).sort(([a], [b]) => (a < b ? -1 : 1));
  const shown = failures.slice(0, MAX_LISTED_FAILURES);
  const further = failed - shown.length;
  return [
    ...codes.map(([code, count]) => `  ${code}  ${formatCount(count)} tiles`),
    ...shown.map((failure) => `  ${failureLine(failure)}`),
    ...(further > 0 ? [`  and ${formatCount(further)} more failed tiles`] : []),
  ];
}

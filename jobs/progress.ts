import type { IoCounters } from '../src/observe.ts';
import type { LeftOut } from '../src/render/tile-renderer.ts';

/** Where progress is written: standard error, or a fake of it. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** How far a run is, in tiles. `rendered + empty + failed` of `total` are settled. */
export interface ProgressState {
  readonly total: number;
  readonly rendered: number;
  readonly empty: number;
  readonly failed: number;
}

/** What a run came to. */
export interface RunSummary extends ProgressState {
  readonly run: string;
  readonly state: 'complete' | 'failed' | 'interrupted' | 'cancelled';
  readonly metatiles: number;
  /** Of an update: metatiles whose inputs are as they were, so that nothing was rendered; absent = it is none. */
  readonly unchanged?: number;
  /** The version that the tileset has become; absent = it is not complete. */
  readonly version?: string;
  readonly io: IoCounters;
  readonly seconds: number;
  /** Why it ended before its last metatile; not there if it did not. */
  readonly reason?: string;
  /** What tiles had to do without; not there if nothing was left out. */
  readonly leftOut?: LeftOut;
  /** What made it slower than it need be; not there if nothing did. */
  readonly warnings?: readonly string[];
}

export interface Progress {
  update(state: ProgressState): void;
  /** A line of its own above the bar. */
  note(text: string): void;
  /** Shows the last state and ends the line of the bar. */
  end(): void;
}

export interface ProgressOptions {
  readonly stream: ProgressStream;
  readonly json: boolean;
  /** Milliseconds that only grow; replaced in tests. */
  readonly now?: () => number;
}

const BAR_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 5_000;
const BAR_WIDTH = 24;

/**
 * Shows how far a run is: a bar redrawn at most 10 times a second on a terminal, a line every 5 s or 10 % elsewhere, one
 * JSON object a line with `json`. Rate and time left count what was settled since the first update, so a continued run
 * does not look faster than it is.
 */
export function createProgress({ stream, json, now = () => performance.now() }: ProgressOptions): Progress {
  const bar = !json && stream.isTTY === true;
  const intervalMs = bar ? BAR_INTERVAL_MS : LINE_INTERVAL_MS;
  let started: { readonly atMs: number; readonly settled: number } | null = null;
  let last: ProgressState | null = null;
  let shown: { atMs: number; settled: number; tenth: number } | null = null;

  const show = (state: ProgressState, atMs: number): void => {
    const settled = settledOf(state);
    const elapsedMs = started === null ? 0 : atMs - started.atMs;
    const rate = elapsedMs > 0 && started !== null ? ((settled - started.settled) / elapsedMs) * 1000 : 0;
    if (json) stream.write(`${JSON.stringify({ event: 'progress', ...state, tilesPerSecond: round(rate) })}\n`);
    else if (bar) stream.write(`\r\x1b[K${barLine(state, rate, stream.columns ?? 80)}`);
    else stream.write(`${plainLine(state, rate)}\n`);
    shown = { atMs, settled, tenth: tenthOf(state) };
  };

  return {
    update(state) {
      const atMs = now();
      started ??= { atMs, settled: settledOf(state) };
      last = state;
      const due = shown === null || atMs - shown.atMs >= intervalMs || (!bar && tenthOf(state) > shown.tenth);
      if (due) show(state, atMs);
    },
    note(text) {
      if (json) stream.write(`${JSON.stringify({ event: 'note', text })}\n`);
      else stream.write(bar && shown !== null ? `\r\x1b[K${text}\n` : `${text}\n`);
    },
    end() {
      if (last !== null && (bar || shown?.settled !== settledOf(last))) show(last, now());
      if (bar && shown !== null) stream.write('\n');
    },
  };
}

/** The lines that close a run: what was made, and what it took. */
export function summaryLines(summary: RunSummary): readonly string[] {
  const { io, rendered, empty, failed, seconds } = summary;
  const words = {
    complete: 'done',
    failed: 'done with failed tiles',
    interrupted: 'interrupted',
    cancelled: 'cancelled',
  };
  const rate = seconds > 0 ? ` (${formatCount(Math.round((rendered + empty) / seconds))} tiles/s)` : '';
  return [
    `${words[summary.state]}: ${formatCount(rendered)} tiles rendered, ${formatCount(empty)} empty, ` +
      `${formatCount(failed)} failed in ${seconds.toFixed(1)} s${rate}`,
    ...(summary.unchanged === undefined
      ? []
      : [`${formatCount(summary.unchanged)} of ${formatCount(summary.metatiles)} metatiles are unchanged`]),
    ...(summary.reason === undefined ? [] : [summary.reason]),
    ...(summary.leftOut === undefined ? [] : leftOutLines(summary.leftOut)),
    ...(summary.warnings ?? []),
    `read ${formatBytes(io.bytesRead)} in ${formatCount(io.readRequests)} requests, ${formatCount(io.searches)} searches; ` +
      `wrote ${formatBytes(io.bytesWritten)} in ${formatCount(io.writeRequests)} requests`,
    ...(io.overreads === 0 ? [] : [overreadLine(io.overreads)]),
  ];
}

function overreadLine(overreads: number): string {
  return (
    `${formatCount(overreads)} times a scene was read at more than 16 pixels for each that is shown, as it has no overview for ` +
    'that zoom: add overviews (gdaladdo), or raise sourceMinzoom'
  );
}

/** Scenes left out that the summary shows; the manifest has more. */
const MAX_SHOWN_LEFT_OUT = 5;

function leftOutLines({ tiles, scenes }: LeftOut): readonly string[] {
  const shown = scenes.slice(0, MAX_SHOWN_LEFT_OUT);
  const further = scenes.length - shown.length;
  return [
    `${formatCount(tiles)} tiles are without scenes that could not be read, which tilewright.json lists:`,
    ...shown.map(({ scene, code, tiles: count }) => `  ${scene}  ${code}  left out of ${formatCount(count)} tiles`),
    ...(further > 0 ? [`  and ${formatCount(further)} more`] : []),
  ];
}

/** A count with commas between thousands. */
export function formatCount(count: number): string {
  // Intl would have to load its data first, which takes longer than starting the rest of a command.
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** Bytes with a decimal unit: 1 MB = 1e6 bytes. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** `m:ss` or `h:mm:ss`. */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function settledOf({ rendered, empty, failed }: ProgressState): number {
  return rendered + empty + failed;
}

function tenthOf(state: ProgressState): number {
  return Math.floor((settledOf(state) / Math.max(1, state.total)) * 10);
}

function figures(state: ProgressState, rate: number): string {
  const settled = settledOf(state);
  const left = rate > 0 ? `  ${formatDuration((state.total - settled) / rate)} left` : '';
  const failed = state.failed > 0 ? `  ${formatCount(state.failed)} failed` : '';
  const speed = rate >= 10 ? formatCount(Math.round(rate)) : rate.toFixed(1);
  return `${formatCount(settled)}/${formatCount(state.total)} tiles  ${speed} tiles/s${left}${failed}`;
}

function barLine(state: ProgressState, rate: number, columns: number): string {
  const share = settledOf(state) / Math.max(1, state.total);
  const full = Math.floor(share * BAR_WIDTH);
  const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
  // One column is left free, since some terminals wrap when the last is written.
  return `${bar} ${percent(share)}  ${figures(state, rate)}`.slice(0, Math.max(1, columns - 1));
}

function plainLine(state: ProgressState, rate: number): string {
  return `${percent(settledOf(state) / Math.max(1, state.total))}  ${figures(state, rate)}`;
}

/** Rounded down, so that 100 % means all of it. */
function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1).padStart(5)} %`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

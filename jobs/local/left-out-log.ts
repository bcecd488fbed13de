import { createReadStream } from 'node:fs';
import { appendFile, rm, stat, truncate } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { createLeftOutTally } from '../../src/render/left-out.ts';
import type { LeftOut } from '../../src/render/tile-renderer.ts';
import { MANIFEST_LEFT_OUT } from '../manifest.ts';
import { noneIfAbsent } from './local-files.ts';

interface LogLine {
  readonly index: number;
  readonly leftOut: LeftOut;
}

/**
 * Notes, beside the journal of a local run, what the tiles of a metatile had to do without: a file with one line of JSON
 * for each such metatile. It is written before the journal's slot is set, so a metatile that is done has its line. One
 * that is done again has a further line, and the last one counts. Without anything left out there is no file.
 */
export async function noteLeftOut(journalPath: string, index: number, leftOut: LeftOut): Promise<void> {
  const line: LogLine = { index, leftOut };
  // Both are line ends to readline, but not to JSON.
  const text = JSON.stringify(line).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
  await appendFile(logPath(journalPath), `${text}\n`);
}

/** Adds up what the metatiles that are done had to do without; what a kill left of a line is cut off. */
export async function readLeftOut(journalPath: string, isDone: (index: number) => boolean): Promise<LeftOut> {
  const path = logPath(journalPath);
  const tally = createLeftOutTally(MANIFEST_LEFT_OUT);
  const lastLines = new Map<number, number>();
  let whole = 0;
  await eachLine(path, ({ index }, number, bytes) => {
    lastLines.set(index, number);
    whole += bytes;
  });
  await endAfter(path, whole);
  await eachLine(path, ({ index, leftOut }, number) => {
    if (lastLines.get(index) === number && isDone(index)) tally.add(leftOut);
  });
  return tally.total();
}

/** Makes a file end after its last whole line, so that the next one begins a line. */
async function endAfter(path: string, bytes: number): Promise<void> {
  const size = await sizeOf(path);
  if (size === null) return;
  if (size < bytes) await appendFile(path, '\n');
  else await truncate(path, bytes);
}

/** Removes the notes of a run that is complete or starts anew. */
export async function removeLeftOut(journalPath: string): Promise<void> {
  await rm(logPath(journalPath), { force: true });
}

function logPath(journalPath: string): string {
  return `${journalPath}.left-out`;
}

/** Bytes of a log; null = there is none. */
async function sizeOf(path: string): Promise<number | null> {
  const found = await stat(path).catch(noneIfAbsent(`Reading ${path}`));
  return found?.size ?? null;
}

/** Goes through the lines up to the first that is not whole; `bytes` counts the line and its end. */
async function eachLine(path: string, visit: (line: LogLine, number: number, bytes: number) => void): Promise<void> {
  if ((await sizeOf(path)) === null) return;
  const stream = createReadStream(path);
  try {
    let number = 0;
    for await (const text of createInterface({ input: stream, crlfDelay: Infinity })) {
      const line = parseLine(text);
      if (line === null) return;
      visit(line, number++, Buffer.byteLength(text) + 1);
    }
  } finally {
    stream.destroy();
  }
}

/** Our own lines; null for one that was cut off. */
function parseLine(text: string): LogLine | null {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return null;
  }
}

import type { ProblemList } from './archive-problems.ts';
import { FIRST_READ_BYTES, HEADER_BYTES } from './header.ts';
import type { PmtilesHeader, Section } from './header.ts';

const SECTIONS = ['root', 'metadata', 'leaves', 'tiles'] as const;

/**
 * Checks what a header says against itself and against the length of its file.
 *
 * @param fileBytes - length of the file; null = not known
 */
export function verifyHeader(header: PmtilesHeader, fileBytes: number | null, problems: ProblemList): void {
  verifySections(header, fileBytes, problems);
  verifyPlace(header, problems);
  if (header.internalCompression === 'unknown') problems.add('COMPRESSION', 'internal compression: found unknown');
  if (header.tileCompression === 'unknown') problems.add('COMPRESSION', 'tile compression: found unknown');
  const isPicture = ['png', 'jpeg', 'webp', 'avif'].includes(header.tileType);
  if (isPicture && header.tileCompression !== 'none') {
    problems.add(
      'COMPRESSION',
      `tile compression: found ${header.tileCompression} over ${header.tileType}, expected none`,
    );
  }
  if (header.tileType === 'unknown') problems.add('TILE_TYPE', 'found unknown, expected the type of the tiles');
}

function verifySections(header: PmtilesHeader, fileBytes: number | null, problems: ProblemList): void {
  const { root, metadata, leaves, tiles } = header;
  if (root.length === 0) problems.add('DIRECTORY', 'the root directory is empty');
  if (leaves.offset === 0) problems.add('LEAF_OFFSET_ZERO', 'some tools refuse it, also where there are no leaves');
  const used = SECTIONS.filter((name) => header[name].length > 0);
  for (const name of used) {
    const { offset, length } = header[name];
    if (offset < HEADER_BYTES) problems.add('SECTIONS_OVERLAP', `${name} at ${offset} lies in the header`);
    if (fileBytes !== null && offset + length > fileBytes) {
      problems.add('SECTION_OUTSIDE', `${name}: found ${text(header[name])} in a file of ${fileBytes}`);
    }
  }
  const sorted = [...used].sort((a, b) => header[a].offset - header[b].offset);
  for (const [index, name] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next !== undefined && header[name].offset + header[name].length > header[next].offset) {
      problems.add('SECTIONS_OVERLAP', `${name} (${text(header[name])}) and ${next} (${text(header[next])})`);
    }
  }
  const plain = HEADER_BYTES + root.length + metadata.length + leaves.length + tiles.length;
  const padded = FIRST_READ_BYTES + metadata.length + leaves.length + tiles.length;
  if (fileBytes !== null && fileBytes !== plain && fileBytes !== padded) {
    problems.add('FILE_LENGTH', `found ${fileBytes} bytes, expected ${plain}, or ${padded} with a padded root`);
  }
}

function verifyPlace({ minzoom, maxzoom, center, bbox }: PmtilesHeader, problems: ProblemList): void {
  if (minzoom > maxzoom) problems.add('ZOOM_RANGE', `found minzoom ${minzoom} above maxzoom ${maxzoom}`);
  const [west, south, east, north] = bbox;
  const isInWorld = west >= -180 && east <= 180 && south >= -90 && north <= 90;
  if (!isInWorld || west >= east || south >= north) {
    problems.add('BBOX', `found ${bbox.join(', ')}, expected west < east and south < north within the world`);
  }
  const [lng, lat, zoom] = center;
  if (zoom < minzoom || zoom > maxzoom) {
    problems.add('CENTER', `found zoom ${zoom}, expected one from ${minzoom} to ${maxzoom}`);
  }
  if (lng < west || lng > east || lat < south || lat > north) {
    problems.add('CENTER', `found ${lng}, ${lat}, expected a place within ${bbox.join(', ')}`);
  }
}

function text({ offset, length }: Section): string {
  return `${length} bytes at ${offset}`;
}

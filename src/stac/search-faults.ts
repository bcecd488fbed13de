import { isTilerError, TilerError } from '../errors.ts';

/** 400 and 422 (FastAPI's) refuse a body, 405 and 501 a method; 413 and 414 are about length. */
export function isShapeRefused(error: unknown): error is TilerError {
  return isTilerError(error) && [400, 405, 422, 501].includes(error.context.status ?? 0);
}

/** True if it was the method that was refused. */
export function isMethodRefused(error: TilerError): boolean {
  return [405, 501].includes(error.context.status ?? 0);
}

/** The error of a search that finds more than it may. */
export function tooManyItems(maxItems: number, found: number, where: string): TilerError {
  return new TilerError(
    'MOSAIC_TOO_MANY_ASSETS',
    `Reading ${where}: ${found} items so far, more than mosaic.maxItems = ${maxItems}. Narrow mosaic.query (datetime, cloud cover, collections), start at a higher minzoom, or raise mosaic.maxItems.`,
  );
}

/** The error of an API whose pages follow each other without an end. */
export function pagingFault(where: string, found: string): TilerError {
  return new TilerError('STAC_RESPONSE_INVALID', `Reading ${where}: ${found}; the API's paging never ends.`);
}

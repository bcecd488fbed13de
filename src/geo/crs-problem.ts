import { TilerError } from '../errors.ts';

/** The error of a CRS whose description is not understood; the reason goes on after "Reading a CRS: ". */
export function unreadableCrs(found: string): TilerError {
  return new TilerError('ASSET_UNSUPPORTED', `Reading a CRS: ${found}`);
}

/** A byte-range reader under one file. Implementations are for files, HTTP and S3; none shows its client's types. */
export interface RangeSource extends AsyncDisposable {
  /** What is read, for messages: without credentials and without a query string. */
  readonly label: string;
  /**
   * Reads `length` bytes at `offset`; fewer only where the file ends.
   *
   * The first answer fixes the version (ETag, Last-Modified or mtime and size); a later one that differs is an error.
   *
   * @throws TilerError `ASSET_NOT_FOUND`, `ASSET_FORBIDDEN`, `ASSET_CHANGED`, `ASSET_UNSUPPORTED` (server ignores
   * ranges), `SOURCE_UNAVAILABLE`, `SOURCE_THROTTLED`
   */
  read(offset: number, length: number, options: { readonly signal: AbortSignal }): Promise<Uint8Array>;
  /**
   * What the first answer said of the file, by which another process can tell whether it is still the same: an ETag, or
   * the time of its last change and its size. Null before the first answer, and where it did not say.
   */
  version(): string | null;
}

/** Opens the range source of an href after checking that it may be read. Does no I/O before the first `read`. */
export type OpenRangeSource = (href: string) => RangeSource;

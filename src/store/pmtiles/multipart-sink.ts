import type { ObjectPlace } from '../object-store.ts';
import type { ArchiveSink } from './archive-writer.ts';
import { FIRST_READ_BYTES } from './header.ts';

/**
 * What a multipart upload can do, on whatever server. Parts are numbered from 1 on, may be sent in any order and again, and
 * all but the last have `minPartBytes` at least.
 *
 * @throws TilerError those of `TileStore`
 */
export interface MultipartUpload {
  putPart(part: number, bytes: Uint8Array): Promise<void>;
  /** A part that the server copies by itself. */
  copyPart(part: number, place: ObjectPlace, length: number): Promise<void>;
  /** Reads bytes of an object, for a part that is too small to be copied. */
  read(place: ObjectPlace, length: number): Promise<Uint8Array>;
}

export interface PartLimits {
  /** S3: 5 MiB. */
  readonly minPartBytes: number;
  /** S3: 5 GiB. */
  readonly maxPartBytes: number;
  /** All parts but the last have `minPartBytes` exactly, as Cloudflare R2 wants it: nothing is copied by the server then. */
  readonly equalParts: boolean;
}

/** Parts on their way at a time; each holds `minPartBytes` at most. */
const MAX_UNDER_WAY = 4;

/**
 * Puts an archive together as one multipart upload. Long stretches of tiles are copied by the server; what is shorter than
 * a part passes through here. The first part waits for the head, which is known last.
 */
export class MultipartSink implements ArchiveSink<ObjectPlace> {
  private readonly upload: MultipartUpload;
  private readonly limits: PartLimits;
  private readonly underWay = new Set<Promise<void>>();
  private failure: { readonly error: unknown } | null = null;
  /** Chunks of the part that is being gathered. */
  private gathered: Uint8Array[] = [];
  private gatheredBytes: number;
  private firstPart: Uint8Array[] | null = null;
  private nextPart = 2;
  /** Bytes of tiles that passed through this process. */
  passedBytes = 0;

  constructor(upload: MultipartUpload, limits: PartLimits) {
    this.upload = upload;
    this.limits = limits;
    // The head comes before them.
    this.gatheredBytes = FIRST_READ_BYTES;
  }

  /** Parts begun, the first one counted. */
  get parts(): number {
    return this.nextPart - 1;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.passedBytes += bytes.length;
    let rest = bytes;
    while (this.limits.equalParts && this.missing() < rest.length) {
      const fits = this.missing();
      this.gather(rest.subarray(0, fits));
      rest = rest.subarray(fits);
      await this.closePart();
    }
    this.gather(rest);
    if (this.missing() <= 0) await this.closePart();
  }

  async copy(place: ObjectPlace, length: number): Promise<void> {
    const { minPartBytes, maxPartBytes, equalParts } = this.limits;
    let done = 0;
    while (done < length) {
      const at = { path: place.path, offset: place.offset + done };
      const left = length - done;
      const isBetweenParts = this.gatheredBytes === 0;
      if (isBetweenParts && left >= minPartBytes && !equalParts) {
        // What would be left over must not be a part of its own.
        const whole = left <= maxPartBytes ? left : Math.min(maxPartBytes, left - minPartBytes);
        const part = this.nextPart++;
        await this.start(() => this.upload.copyPart(part, at, whole));
        done += whole;
      } else {
        const wanted = Math.min(left, Math.max(1, this.missing()));
        await this.write(await this.upload.read(at, wanted));
        done += wanted;
      }
    }
  }

  async finish(head: Uint8Array, tail: readonly Uint8Array[]): Promise<void> {
    const passed = this.passedBytes;
    for (const bytes of tail) await this.write(bytes);
    this.passedBytes = passed;
    if (this.firstPart === null) {
      // All of it is less than one part.
      this.firstPart = this.gathered;
    } else if (this.gatheredBytes > 0) {
      await this.closePart();
    }
    const first = Buffer.concat([head, ...this.firstPart]);
    await this.start(() => this.upload.putPart(1, first));
    await Promise.all(this.underWay);
    this.throwIfFailed();
  }

  private missing(): number {
    return this.limits.minPartBytes - this.gatheredBytes;
  }

  private gather(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.gathered.push(bytes);
    this.gatheredBytes += bytes.length;
  }

  private async closePart(): Promise<void> {
    const chunks = this.gathered;
    this.gathered = [];
    this.gatheredBytes = 0;
    if (this.firstPart === null) {
      this.firstPart = chunks;
      return;
    }
    const part = this.nextPart++;
    const bytes = Buffer.concat(chunks);
    await this.start(() => this.upload.putPart(part, bytes));
  }

  /** Begins a call; waits while too many are under way. */
  private async start(call: () => Promise<void>): Promise<void> {
    while (this.underWay.size >= MAX_UNDER_WAY) await Promise.race(this.underWay);
    this.throwIfFailed();
    const pending = call()
      .catch((error: unknown) => {
        this.failure ??= { error };
      })
      .finally(() => this.underWay.delete(pending));
    this.underWay.add(pending);
  }

  private throwIfFailed(): void {
    if (this.failure !== null) throw this.failure.error;
  }
}

import { digestOf } from '../../digest.ts';
import { ByteList } from './byte-list.ts';
import { MAX_CONTENTS } from './content-table.ts';
import type { Spill } from './spill.ts';

/**
 * The bytes of small tiles until their turn comes. What is the same is kept once, as far as there is room to know it by its
 * digest: that saves memory, and says nothing of what an archive shares.
 */
export class SmallTiles {
  private readonly list: ByteList;
  private readonly places = new Map<string, number>();
  private readonly digests = new Map<number, string>();

  constructor(spill: Spill) {
    this.list = new ByteList(spill);
  }

  /** @returns the place of the bytes, the same for the same bytes as far as they are known */
  add(bytes: Uint8Array): number {
    const digest = digestOf(bytes);
    const known = this.places.get(digest);
    if (known !== undefined) return known;
    const place = this.list.append(bytes);
    if (this.places.size < MAX_CONTENTS) {
      this.places.set(digest, place);
      this.digests.set(place, digest);
    }
    return place;
  }

  digestAt(place: number, length: number): string {
    return this.digests.get(place) ?? digestOf(this.bytesAt(place, length));
  }

  bytesAt(place: number, length: number): Uint8Array {
    return this.list.read(place, length);
  }
}

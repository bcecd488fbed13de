import { createHash } from 'node:crypto';

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** The hash of a leaf: SHA-256 over a zero byte and its content. */
export function leafHash(content: Uint8Array | string): Buffer {
  return createHash('sha256').update(LEAF).update(content).digest();
}

function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(NODE).update(left).update(right).digest();
}

/**
 * The Merkle tree hash of leaves that are added one by one; it keeps one hash for each level. Of no leaf, it is the SHA-256
 * of nothing.
 *
 * @see RFC 6962, section 2.1
 */
export class MerkleTree {
  /** Hashes of full subtrees, the largest first; bit n of `count` says whether there is one of 2^n leaves. */
  private readonly subtrees: Uint8Array[] = [];
  private count = 0;

  add(leaf: Uint8Array): void {
    let hash = leaf;
    for (let rest = this.count; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      hash = nodeHash(this.subtrees.pop() ?? hash, hash);
    }
    this.subtrees.push(hash);
    this.count++;
  }

  /** 32 bytes. More leaves may be added afterwards. */
  root(): Buffer {
    const last = this.subtrees.at(-1);
    if (last === undefined) return createHash('sha256').digest();
    return Buffer.from(this.subtrees.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last));
  }
}

import { describe, expect, test } from 'vitest';
import { decodeLzma } from '../../../src/cog/codec/lzma.ts';
import { plainXz } from '../../../src/cog/codec/xz-stream.ts';

/** By liblzma 5.4, preset 6, as Python's `lzma` and `xz` write them. */
const STREAMS = {
  /** `PATTERN`, with a delta filter of two bytes and no check, as libtiff writes it. */
  delta: `/Td6WFoAAAD/EtlBAgEDAQEhARYcR3hW4w0/AGtdAAACD3o+ycGBd9jxD83MdNxag6kvURDihUB+KtBZ1xEEtpLk2SpVdYnILZGeEl7/xuugYIRmMRtaDfvKIS2VSBGtWo0mZt2Pyyq9gu7j2pmhW0YOXh6xtOp+2jA1QBO93VD6+8hP59TiJwwAAAAAAX/AmgwAALZ70wuoAAr8AgAAAAAAWVo=`,
  /** `PATTERN`, with two delta filters, of 1 and 256 bytes. */
  deltas: `/Td6WFoAAAD/EtlBAwIDAQADAf8hARYAERtvneMNPwBmXQAAAkv7j4VamnF9StaZSQes8SkyNXMCRm8duUL7e68H0M+9eyi9WNRN26EAHfhwjAvqBOqAHyz+EgRor8uMGrZJxGaFA6lS7DxE1WkSQTodN6YTNCJZf2i5FXCSkK0lbA2OEL/WgAAAAAAAAX7AmgwAABOoj8CoAAr8AgAAAAAAWVo=`,
  /** 0 to 99, fifty times. */
  crc64: `/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4BOHAHtdAAAAUlAKhPmbsoAhqWnWJ+A+BlpfBI1T1AS6OVcFCcFVJN6duHFZMWChn/lvSXPyyOqMuhqLKWkhgP4zg2avRm3snomKC4PwPA6Jjj/tX+eekNkc/zL0suA5UbLSFBsGQzd6U7RIpMk1Mhok8LIS9aU7XFVHcbHr6jIOAAAAyO1Bh65qehkAAZcBiCcAACcVueuxxGf7AgAAAAAEWVo=`,
  /** The same, with a dictionary of 1 GiB. */
  gigabyte: `/Td6WFoAAAD/EtlBAgAhASQAAABeH8f54BOHAHtdAAAAUlAKhPmbsoAhqWnWJ+A+BlpfBI1T1AS6OVcFCcFVJN6duHFZMWChn/lvSXPyyOqMuhqLKWkhgP4zg2avRm3snomKC4PwPA6Jjj/tX+eekNkc/zL0suA5UbLSFBsGQzd6U7RIpMk1Mhok8LIS9aU7XFVHcbHr6jIOAAAAAAGPAYgnAADRlTwEqAAK/AIAAAAAAFla`,
  /** A million zeros. */
  zeros: `/Td6WFoAAAD/EtlBAgAhARYAAAB0L+Wj70I/ANFdAABv/f//o7f/Rz5IFXI5YVG4kijmo4YH+e7kHoLTL8U6PAFLsX7JiopNL6MN2X+m44wjEVPgWRjFdYrid/i2lH8MasDedElk4ulcU7IE2PdEDKtfDW1G6eXDdoi3llestk3haR1v+0uIEGxCy4g/XACP0E6vJiiUcR89jyThcJ6nI1/sKMuF0ZWYin4qkfIndfcZwAaYTZj92K/VkA/EJVP49ZE2MQWlsO5vwXBNRwzRkRGqrWAdus6xJxhcWYbpZlJYvul2rFnk5VsFCPmTwz82AAAAAAAB5QHAhD0AuGIlQqgACvwCAAAAAABZWg==`,
  /** A hundred zeros with a delta filter and a CRC-32. */
  checked: `/Td6WFoAAAFpIt42AgEDAQEhARYcR3hW4ABjAAZdAABuoEV4AAAAAMrGiJkAAR5ktS8YvpBCmQ0BAAAAAAFZWg==`,
  /** A hundred zeros and their SHA-256. */
  sha256: `/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4ABjAAZdAABuoEV4AAAAAM0A4pLFlw08Xi8P+lFx5VW8Rr/E+t37SkGLaEC4bnmjAAE6ZBPO8E8Ym0uaAQAAAAAKWVo=`,
  /** A hundred zeros in two blocks with delta filters. */
  blocks: `/Td6WFoAAAD/EtlBAgEDAQEhARYcR3hW4AAxAAZdAABuPEcIAAAAAAIBAwEBIQEWHEd4VuAAMQAGXQAAbjxHCAAAAAAAAhoyGjIAAF6CWpOoAAr8AgAAAAAAWVo=`,
  /** A hundred zeros with a filter for programs. */
  x86: `/Td6WFoAAAD/EtlBAgEEACEBFgANhjUf4ABjAAZdAABuoEV4AAAAAAABGmSx6nTaBnKeegEAAAAAAFla`,
  /** A hundred zeros with a delta filter, in a block that states its sizes. */
  sized: `/Td6WFoAAAD/EtlBBMEOZAMBASEBFgAAAAAAADDrIATgAGMABl0AAG6gRXgAAAAAAAEiZEpW680Gcp56AQAAAAAAWVo=`,
} as const;

const PATTERN = Uint8Array.from({ length: 200_000 }, (_, i) => i * 7 + (i >> 8));
const HUNDREDS = Uint8Array.from({ length: 5_000 }, (_, i) => i % 100);

const bytesOf = (name: keyof typeof STREAMS): Uint8Array => Buffer.from(STREAMS[name], 'base64');
const decode = (bytes: Uint8Array, decodedBytes: number): Promise<Uint8Array> => decodeLzma({ bytes, decodedBytes });
const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** The size of the dictionary that the first block asks for, as the format writes it. */
const dictionaryOf = (bytes: Uint8Array): number => bytes[16]!;

describe('LZMA', () => {
  test.each(['delta', 'deltas'] as const)('%s filters are undone', async (name) => {
    expect(isSame(await decode(bytesOf(name), PATTERN.length), PATTERN)).toBe(true);
    // Another decoder's memory is taken once: what was decoded before does not show.
    expect(isSame(await decode(bytesOf(name), PATTERN.length), PATTERN)).toBe(true);
  });

  test('streams with a check, and blocks that state their sizes', async () => {
    expect(await decode(bytesOf('crc64'), 5_000)).toEqual(HUNDREDS);
    expect(await decode(bytesOf('sized'), 100)).toEqual(new Uint8Array(100));
  });

  test('gives no more than was asked for, and less for a stream that holds less', async () => {
    expect(isSame(await decode(bytesOf('delta'), 1_001), PATTERN.subarray(0, 1_001))).toBe(true);
    expect(await decode(bytesOf('zeros'), 10)).toEqual(new Uint8Array(10));
    expect(await decode(bytesOf('crc64'), 6_000)).toEqual(HUNDREDS);
  });

  test('no dictionary is larger than what comes out', async () => {
    expect(await decode(bytesOf('gigabyte'), 5_000)).toEqual(HUNDREDS);
    // 4 KiB, 6 KiB, and 8 MiB as it was.
    expect([4_096, 4_097, 1e9].map((size) => dictionaryOf(plainXz(bytesOf('crc64'), size).bytes))).toEqual([0, 1, 22]);
  });
});

describe('LZMA that is damaged', () => {
  test.each([
    ['blocks', 'several blocks'],
    ['x86', 'filters that are not read'],
    ['checked', 'both a delta filter and a check of its content'],
    ['sha256', 'a check, that are not read'],
  ] as const)('%s: %s', async (name, message) => {
    await expect(decode(bytesOf(name), 100)).rejects.toThrow(message);
  });

  test('what is no XZ stream says so', async () => {
    await expect(decode(new Uint8Array(0), 100)).rejects.toThrow('it is no XZ stream');
    await expect(decode(new Uint8Array(100), 100)).rejects.toThrow('it is no XZ stream');
  });

  test.each(['delta', 'crc64'] as const)('%s: cut off anywhere, it is an error', async (name) => {
    const bytes = bytesOf(name);
    for (let length = 0; length < bytes.length; length++) {
      await expect(decode(bytes.subarray(0, length), 300_000), `${length} bytes`).rejects.toThrow('XZ stream');
    }
  });

  test.each(['delta', 'sized', 'crc64'] as const)(
    '%s: with any byte turned, it is an error or has its length',
    async (name) => {
      const bytes = bytesOf(name);
      const whole = await decode(bytes, PATTERN.length);
      for (let at = 0; at < bytes.length; at++) {
        const turned = bytes.slice();
        turned[at]! ^= 0xff;
        const outcome = await decode(turned, PATTERN.length).then(
          ({ length }) => `${length} bytes`,
          (error: unknown) => String(error),
        );
        expect(outcome, `byte ${at}`).toMatch(new RegExp(`XZ stream|^${whole.length} bytes$`));
      }
    },
  );

  test('failures and streams that are left early do not stand in the way of others', async () => {
    const kinds = [
      () => decode(bytesOf('delta').subarray(0, 100), 9_000),
      () => decode(bytesOf('zeros'), 10),
      () => decode(bytesOf('crc64'), 5_000),
    ];
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => kinds.map((kind) => kind())).flat());
    const expected = Array.from({ length: 10 }, () => ['rejected', 'fulfilled', 'fulfilled']).flat();
    expect(all.map(({ status }) => status)).toEqual(expected);
    expect(await decode(bytesOf('crc64'), 5_000)).toEqual(HUNDREDS);
  });
});

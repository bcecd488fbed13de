import { describe, expect, test } from 'vitest';
import { createS3Checksums } from '../../../src/store/s3-checksums.ts';
import type { ChecksumInput } from '../../../src/store/s3-checksums.ts';

/** A server that answers with the given statuses in turn, 200 when there is none left. */
function server(...statuses: readonly number[]) {
  const asked: (string | null)[] = [];
  const answers = [...statuses];
  const send = async ({ ChecksumAlgorithm = null as never }: ChecksumInput): Promise<string> => {
    asked.push(ChecksumAlgorithm);
    const status = answers.shift() ?? 200;
    if (status !== 200) {
      throw Object.assign(new Error(`status ${status}`), { $metadata: { httpStatusCode: status } });
    }
    return await Promise.resolve('done');
  };
  return { asked, send };
}

describe('a checksum', () => {
  test('is CRC32 where nothing speaks against it', async () => {
    const { asked, send } = server();
    const checksums = createS3Checksums('auto');
    expect([await checksums(send), await checksums(send)]).toStrictEqual(['done', 'done']);
    expect(asked).toStrictEqual(['CRC32', 'CRC32']);
  });

  test.each([400, 501])('is left out for good where the first one is refused with %s', async (status) => {
    const { asked, send } = server(status);
    const checksums = createS3Checksums('auto');
    await checksums(send);
    await checksums(send);
    expect(asked).toStrictEqual(['CRC32', null, null]);
  });

  test('is not to blame where the request is refused without it too', async () => {
    const { asked, send } = server(400, 400);
    const checksums = createS3Checksums('auto');
    await expect(checksums(send)).rejects.toThrow('status 400');
    await checksums(send);
    expect(asked).toStrictEqual(['CRC32', null, 'CRC32']);
  });

  test('is not left out for what may pass, nor after one was taken', async () => {
    const { asked, send } = server(503, 403, 200, 400);
    const checksums = createS3Checksums('auto');
    await expect(checksums(send)).rejects.toThrow('status 503');
    await expect(checksums(send)).rejects.toThrow('status 403');
    await checksums(send);
    await expect(checksums(send)).rejects.toThrow('status 400');
    expect(asked).toStrictEqual(['CRC32', 'CRC32', 'CRC32', 'CRC32']);
  });

  test('that is demanded is never left out, and one that is not wanted never sent', async () => {
    const refusing = server(400);
    await expect(createS3Checksums('sha256')(refusing.send)).rejects.toThrow('status 400');
    const taking = server();
    await createS3Checksums('off')(taking.send);
    expect([...refusing.asked, ...taking.asked]).toStrictEqual(['SHA256', null]);
  });
});

import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHttpAgent } from '../../src/cog/http-agent.ts';
import { createRangeSourceOpener } from '../../src/cog/open-range-source.ts';
import { createIoCounters } from '../../src/observe.ts';

const NEVER = { signal: new AbortController().signal };

let folder: string;
let root: string;
const agent = createHttpAgent();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-file-source-'));
  root = join(folder, 'root');
  await mkdir(join(root, 'below'), { recursive: true });
  await writeFile(join(root, 'below/a.tif'), 'inside');
  await writeFile(join(folder, 'secret'), 'outside');
});

afterEach(() => rm(folder, { recursive: true }));

function open(href: string, options: { fileRoot?: string | null; allowedHosts?: readonly string[] } = {}) {
  return createRangeSourceOpener({
    counters: createIoCounters(),
    agent,
    fileRoot: options.fileRoot === undefined ? root : options.fileRoot,
    allowedHosts: options.allowedHosts ?? null,
    s3Client: null,
    retry: { attempts: 1, baseMs: 0, maxMs: 0 },
  })(href);
}

const hrefOf = (path: string): string => pathToFileURL(path).href;

describe('files', () => {
  test('beneath the root are read, also through links that stay there', async () => {
    await symlink(join(root, 'below'), join(root, 'link'));
    await using source = open(hrefOf(join(root, 'link/a.tif')));
    expect(Buffer.from(await source.read(0, 100, NEVER)).toString()).toBe('inside');
  });

  test.each([
    ['above the root', () => hrefOf(join(folder, 'secret'))],
    ['by dots', () => `${hrefOf(root)}/../secret`],
    ['by encoded dots', () => `${hrefOf(root)}/%2e%2e/secret`],
    ['the root itself', () => hrefOf(root)],
    ['a neighbour whose name begins like the root', () => `${hrefOf(root)}-other/a.tif`],
  ])('%s are refused before anything is read', (_, href) => {
    expect(() => open(href())).toThrow(expect.objectContaining({ code: 'ASSET_FORBIDDEN' }) as Error);
  });

  test('a link that leads out of the root is refused', async () => {
    await symlink(join(folder, 'secret'), join(root, 'a.tif'));
    await symlink(folder, join(root, 'out'));
    for (const name of ['a.tif', 'out/secret']) {
      await using source = open(hrefOf(join(root, name)));
      await expect(source.read(0, 10, NEVER)).rejects.toMatchObject({ code: 'ASSET_FORBIDDEN' });
    }
  });

  test('a folder and a named pipe are not files, and are not waited for', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    for (const name of ['below', 'pipe']) {
      await using source = open(hrefOf(join(root, name)));
      await expect(source.read(0, 10, NEVER)).rejects.toMatchObject({ code: 'ASSET_UNSUPPORTED' });
    }
  });

  test('none are read without a root', () => {
    expect(() => open(hrefOf(join(root, 'a.tif')), { fileRoot: null })).toThrow(
      expect.objectContaining({ code: 'ASSET_FORBIDDEN' }) as Error,
    );
  });
});

describe('hrefs', () => {
  test.each([
    ['ftp://host/a.tif', 'its scheme is ftp; accepted are http, https, s3 and file'],
    ['gs://bucket/a.tif', 'its scheme is gs'],
    ['a.tif', 'it has no scheme'],
    ['data:image/tiff;base64,AAAA', 'its scheme is data'],
    ['http://', 'it is not a URL'],
    ['http://user:secret@host/a.tif', 'credentials'],
    ['file://host/a.tif', 'it is not the URL of a local file'],
    ['s3://bucket/a.tif', 'S3 is not configured'],
  ])('%s is not supported', (href, found) => {
    const error = expect.objectContaining({
      code: 'ASSET_UNSUPPORTED',
      message: expect.stringContaining(found) as string,
    });
    expect(() => open(href)).toThrow(error);
    expect(() => open(href)).not.toThrow(/secret/u);
  });

  test.each(['http://169.254.169.254/', 'http://[fd00:ec2::254]/', 'http://0xa9fea9fe/', 'http://2852039166/x'])(
    '%s is forbidden',
    (href) => {
      expect(() => open(href)).toThrow(expect.objectContaining({ code: 'ASSET_FORBIDDEN' }) as Error);
    },
  );

  test('hosts can be limited to a list', () => {
    const allowedHosts = ['data.example.com', '.tiles.example.org'];
    for (const href of ['https://data.example.com/a.tif?k=1', 'https://a.b.tiles.example.org/a.tif']) {
      expect(open(href, { allowedHosts }).label).toBe(href.split('?')[0]);
    }
    for (const href of ['https://data.example.com.evil.net/', 'https://tiles.example.org/', 'https://other.net/']) {
      expect(() => open(href, { allowedHosts })).toThrow(expect.objectContaining({ code: 'ASSET_FORBIDDEN' }) as Error);
    }
  });
});

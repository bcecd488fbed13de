import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const MODULE = new URL('../../../jobs/prepare-engine.ts', import.meta.url).href;

test('this Node knows the flags that are set: it would say so on stderr otherwise', { timeout: 60_000 }, async () => {
  const source = `import(${JSON.stringify(MODULE)}).then(({ prepareEngine }) => { prepareEngine(); console.log('set'); })`;
  const { stdout, stderr } = await run(process.execPath, ['--import', 'tsx', '--eval', source]);
  expect(stdout).toBe('set\n');
  expect(stderr).toBe('');
});

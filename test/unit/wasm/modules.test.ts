import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { compileWasm, wasmModuleNames, wasmModulePath } from '../../support/wasm.ts';

const isUpdate = process.env['UPDATE_WASM'] === '1';

test('the compiled modules are those of their sources', { timeout: 600_000 }, async () => {
  const names = await wasmModuleNames();
  expect(names).not.toHaveLength(0);
  for (const name of names) {
    const text = await compileWasm(name);
    const path = wasmModulePath(name);
    if (isUpdate) await writeFile(path, text);
    expect(await readFile(path, 'utf8'), `${path}: run with UPDATE_WASM=1`).toBe(text);
  }
});

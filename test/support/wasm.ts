import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT_FOLDER } from './build.ts';

const run = promisify(execFile);
const COMPILER = join(PROJECT_FOLDER, 'node_modules', 'assemblyscript', 'bin', 'asc.js');
const COMPILER_OPTIONS = '-O3 --converge --noAssert --runtime stub --enable simd --enable bulk-memory'.split(' ');
const ASSEMBLY_FOLDER = join(PROJECT_FOLDER, 'src', 'wasm', 'assembly');

/** Names of the modules: the files of the assembly folder itself. Those of its folders are their parts. */
export async function wasmModuleNames(): Promise<readonly string[]> {
  const files = await readdir(ASSEMBLY_FOLDER);
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort();
}

/** The file that holds the compiled module of a name. */
export function wasmModulePath(name: string): string {
  return join(PROJECT_FOLDER, 'src', 'wasm', `${name}-module.ts`);
}

/** Compiles one module and gives the text of the file that is committed. The same sources give the same text. */
export async function compileWasm(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-wasm-'));
  let binary: Buffer;
  try {
    const target = join(folder, `${name}.wasm`);
    // As a process: the types of its API would declare AssemblyScript's globals for all of this project.
    await run(process.execPath, [COMPILER, `${name}.ts`, '--outFile', target, ...COMPILER_OPTIONS], {
      cwd: ASSEMBLY_FOLDER,
      timeout: 300_000,
    });
    binary = await readFile(target);
  } finally {
    await rm(folder, { recursive: true });
  }
  const constant = `${name.toUpperCase().replaceAll('-', '_')}_MODULE`;
  return [
    `// Compiled from assembly/${name}.ts; written by the test of the compiled modules.`,
    `import type { WasmModule } from './instantiate.ts';`,
    '',
    `/** ${name} as WebAssembly. */`,
    `export const ${constant}: WasmModule = {`,
    `  name: '${name}',`,
    `  base64:`,
    `    '${binary.toString('base64')}',`,
    '};',
    '',
  ].join('\n');
}

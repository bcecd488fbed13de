import nodeModule from 'node:module';
import { setFlagsFromString } from 'node:v8';

/**
 * What V8 lets a function do, by its bytecode, before it is compiled with optimisations: 16 times its default. Runs take
 * seconds or minutes in loops that are WebAssembly, and with the default an eighth of all processor time is compiling.
 */
const OPTIMISE_AFTER = 16 * 66 * 1024;

/**
 * The same of WebAssembly, 128 times its default. What runs is counted by its place in a function, so that undici's parser of
 * HTTP, one large function, would be compiled after a few answers, which takes 90 ms. Loops over pixels come this far within
 * some ten tiles.
 */
const OPTIMISE_WASM_AFTER = 128 * 1_800_000;

/** That of Node 20. Later ones count calls, and compile in more steps. */
const LAST_V8_WITH_BUDGET = 11;

/** Settings of Node for a process of Tilewright, to be made before anything else is imported. */
export function prepareEngine(): void {
  // From Node 22.1 on: what is imported from here on is compiled once, and not at every start.
  (nodeModule as { enableCompileCache?: () => unknown }).enableCompileCache?.();
  // A flag that it does not know is told on stderr.
  if (Number.parseInt(process.versions.v8, 10) <= LAST_V8_WITH_BUDGET) {
    setFlagsFromString(`--interrupt-budget=${OPTIMISE_AFTER}`);
    setFlagsFromString(`--wasm-tiering-budget=${OPTIMISE_WASM_AFTER}`);
  }
}

import nodeModule from 'node:module';
import { setFlagsFromString } from 'node:v8';

/**
 * What V8 lets a function do, by its bytecode, before it is compiled with optimisations: four times its default. Runs take
 * seconds or minutes in loops that are WebAssembly, and with the default an eighth of all processor time is compiling.
 */
const OPTIMISE_AFTER = 4 * 66 * 1024;

/** Settings of Node for a process of Tilewright, to be made before anything else is imported. */
export function prepareEngine(): void {
  // From Node 22.1 on: what is imported from here on is compiled once, and not at every start.
  (nodeModule as { enableCompileCache?: () => unknown }).enableCompileCache?.();
  setFlagsFromString(`--interrupt-budget=${OPTIMISE_AFTER}`);
}

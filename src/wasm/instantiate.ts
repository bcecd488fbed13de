/** A compiled module as it is committed: WebAssembly in base64. */
export interface WasmModule {
  readonly name: string;
  readonly base64: string;
}

/** Linear memory; `buffer` is another one after the memory has grown. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** An instance with its memory. Views of the memory are invalid after it has grown: make them anew. */
export interface WasmInstance<Exports> {
  readonly exports: Exports;
  readonly memory: WasmMemory;
  /**
   * Makes sure that the memory has so many bytes.
   *
   * @throws RangeError if the memory cannot grow to it
   */
  reserve(bytes: number): void;
}

/** The part of the JavaScript API that is used; TypeScript has it only among the types of browsers. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}

const PAGE_BYTES = 65_536;
const { WebAssembly: api } = globalThis as unknown as { readonly WebAssembly: WebAssemblyApi };

/**
 * Instantiates a module on the calling thread: some kilobytes compile in about a millisecond, so a module is
 * instantiated where it is first used. The module imports nothing and exports its memory.
 */
export function instantiate<Exports extends object>({ name, base64 }: WasmModule): WasmInstance<Exports> {
  const module = new api.Module(Buffer.from(base64, 'base64'));
  const exports = new api.Instance(module, {}).exports as Exports & { readonly memory?: WasmMemory };
  const { memory } = exports;
  if (memory === undefined) throw new TypeError(`Instantiating ${name}: it exports no memory`);
  return {
    exports,
    memory,
    reserve(bytes) {
      const missing = bytes - memory.buffer.byteLength;
      if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
    },
  };
}

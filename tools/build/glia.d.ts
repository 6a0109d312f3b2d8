// What the program's loader (loader.cjs) provides to its modules.
declare module 'glia:pieces' {
	/** The names of the pieces: modules, knowledge files by name in their folder, the encryption's WebAssembly. */
	export const names: readonly string[];
	export function text(name: string): string | undefined;
	export function bytes(name: string): Buffer;
	/** The file of the program itself. */
	export const program: string;
}

// What the loader of the program gives to its modules (loader.cjs).
declare module 'glia:pieces' {
	/** The pieces: modules, knowledge files by name in their folder, the encryption's WebAssembly. */
	export const names: readonly string[];
	export function text(name: string): string | undefined;
	export function bytes(name: string): Buffer;
	/** The file of the program itself. */
	export const program: string;
}

// What the loader of the program gives to its modules (loader.cjs).
declare module 'glia:pieces' {
	/** The pieces: modules, files of the knowledge by their names below its folder, the encryption's WebAssembly. */
	export const names: readonly string[];
	export function text(name: string): string | undefined;
	export function bytes(name: string): Buffer;
	/** The file of the program itself. */
	export const program: string;
}

// The program that tests run as a process: the checkout's, or the single file built from it.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What `GLIA_TEST_PROGRAM` names, or the checkout's entry. */
export const program = process.env.GLIA_TEST_PROGRAM ?? `${root}src/main.ts`;

/** Builds the single-file program in this folder. Returns its path. */
export function buildProgram(folder: string): string {
	const file = `${folder}/glia.cjs`;
	const { status, stderr } = spawnSync(process.execPath, [`${root}tools/build/main.ts`, file], { encoding: 'utf8' });
	if (status !== 0) throw new Error(`the build failed:\n${stderr}`);
	return file;
}

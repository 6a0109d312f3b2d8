// Files that the configuration names: secrets and certificates.
import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { z } from 'zod';

/** A path as a shell would expand it is refused: it would name a folder called `~`. */
export const filePath = z
	.string()
	.min(1)
	.refine(path => !/^(?:~[^/]*|\$\w+|\$\{\w+\})(?:\/|$)/.test(path), {
		error: 'write the full path: ~ and variables are not expanded',
	})
	.refine(path => !path.includes('\0'), { error: 'a path cannot contain the character NUL' });

/** Resolves the files that options name, and collects mistakes. */
export type SettingsReader = {
	/** Reports what is wrong with an option. */
	mistake: (path: string[], text: string) => void;
	/** The absolute path of a file. */
	file: (path: string) => string;
	/** The folder that relative paths begin at. */
	folder: string;
};

/** A certificate (PEM) from a file; empty after a mistake. */
export function certificate({ mistake, file, folder }: SettingsReader, option: string[], path: string): string {
	const name = option.join('.');
	try {
		const text = readFileSync(file(path), 'utf8');
		if (/-----BEGIN CERTIFICATE-----/.test(text)) return text;
		mistake(option, `${name}: no certificate (PEM) in this file`);
	} catch (error) {
		mistake(option, `${name}: ${reasonFor(path, error, folder)}`);
	}
	return '';
}

type Secret =
	| 'matrix.password'
	| 'matrix.accessToken'
	| 'encryption.passphrase'
	| 'encryption.seeds'
	| 'live.token'
	| 'store.postgres.password';

/**
 * A secret, given inline or in a file (trimmed). Reports if both are given, or if the file is empty or cannot be
 * read. Undefined if neither is given, or if the file provides none.
 */
export function secret(
	{ mistake, file, folder }: SettingsReader,
	name: Secret,
	{ inline, path }: { inline: string | undefined; path: string | undefined },
): string | undefined {
	const sections = name.split('.');
	const key = sections.pop() ?? '';
	const option = [...sections, `${key}File`];
	if (inline && path) mistake(option, `${sections.join('.')}: give either ${key} or ${key}File, not both`);
	if (!path || inline) return inline;
	try {
		const read = readFileSync(file(path), 'utf8').trim();
		if (read) return read;
		mistake(option, `${name}File: the file is empty`);
	} catch (error) {
		mistake(option, `${name}File: ${reasonFor(path, error, folder)}`);
	}
	return undefined;
}

/** Never the path itself: people put the secret there by mistake. */
function reasonFor(path: string, error: unknown, folder: string): string {
	const why = reason(error);
	return isMissing(error) && !isAbsolute(path) ? `${why} in ${folder}` : why;
}

function isMissing(error: unknown): boolean {
	return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Why a file cannot be read. */
export function reason(error: unknown): string {
	const code = error instanceof Error && 'code' in error ? error.code : undefined;
	if (code === 'ENOENT') return 'there is no such file';
	if (code === 'EACCES') return 'permission denied';
	if (code === 'EISDIR') return 'this is a folder';
	if (code === 'ENOTDIR') return 'a part of the path is a file, not a folder';
	if (code === 'ENAMETOOLONG') return 'the path is too long';
	if (code === 'ELOOP') return 'too many symbolic links';
	// The system's message would quote the path.
	if (typeof code === 'string') return `the system refuses it (${code})`;
	return error instanceof Error ? error.message : String(error);
}

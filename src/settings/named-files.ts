// Files that the configuration names: secrets and certificates.
import { readFileSync } from 'node:fs';

/** Resolves the files that options name, and collects mistakes. */
export type SettingsReader = {
	/** Reports what is wrong with an option. */
	mistake: (path: string[], text: string) => void;
	/** The absolute path of a file. */
	file: (path: string) => string;
};

/** A certificate (PEM) from a file; empty after a mistake. */
export function certificate({ mistake, file }: SettingsReader, option: string[], path: string): string {
	const name = option.join('.');
	try {
		const text = readFileSync(file(path), 'utf8');
		if (/-----BEGIN CERTIFICATE-----/.test(text)) return text;
		mistake(option, `${name}: no certificate (PEM) in this file`);
	} catch (error) {
		mistake(option, `${name}: ${reason(error)}`);
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
	{ mistake, file }: SettingsReader,
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
		mistake(option, `${name}File: ${reason(error)}`);
	}
	return undefined;
}

/** Why a file cannot be read. */
export function reason(error: unknown): string {
	const code = error instanceof Error && 'code' in error ? error.code : undefined;
	if (code === 'ENOENT') return 'there is no such file';
	if (code === 'EACCES') return 'permission denied';
	if (code === 'EISDIR') return 'this is a folder';
	return error instanceof Error ? error.message : String(error);
}

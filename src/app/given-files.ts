// Reads the files named on the command line, but no more of them than will be parsed.
import { closeSync, type Dirent, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from '../answer.ts';
import type { GivenFile } from '../configuration/files.ts';
import { maxBytes } from '../configuration/limits.ts';

/** This path means standard input. */
const standardInput = '-';

/**
 * Reads files. A folder stands for the `*.yaml` files in it, sorted and without subfolders, as in Synapse. Throws a
 * Refusal that names what cannot be read. Of a file larger than `limit` bytes, only enough is read to notice that.
 */
export function readGiven(paths: readonly string[], limit = maxBytes): GivenFile[] {
	return paths.flatMap(path => {
		if (path === standardInput) return [{ name: 'standard input', text: textOf(path, limit) }];
		const names = isFolder(path) ? yamlIn(path) : [path];
		if (names.length === 0) throw new Refusal(`${path}: no *.yaml in this folder.`);
		return names.map(name => ({ name, text: textOf(name, limit) }));
	});
}

function isFolder(path: string): boolean {
	try {
		return statSync(path).isDirectory();
	} catch {
		throw unreadable(path);
	}
}

function yamlIn(folder: string): string[] {
	return entriesOf(folder)
		.filter(entry => !entry.isDirectory() && entry.name.endsWith('.yaml'))
		.map(({ name }) => join(folder, name))
		.filter(path => !isFolder(path))
		.sort();
}

function entriesOf(folder: string): Dirent[] {
	try {
		return readdirSync(folder, { withFileTypes: true });
	} catch {
		throw unreadable(folder);
	}
}

function textOf(path: string, limit: number): string {
	const buffer = Buffer.alloc(limit + 1);
	let length = 0;
	try {
		const file = path === standardInput ? 0 : openSync(path, 'r');
		try {
			for (let read = -1; read !== 0 && length < buffer.length; length += read)
				read = readSync(file, buffer, length, buffer.length - length, null);
		} finally {
			if (file !== 0) closeSync(file);
		}
	} catch {
		throw unreadable(path);
	}
	return buffer.toString('utf8', 0, length);
}

function unreadable(path: string): Refusal {
	return new Refusal(`${path === standardInput ? 'standard input' : path}: cannot be read.`);
}

// Where knowledge is read from: a folder on disk, or the files of a bundle in memory.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export type Folder = {
	/** The text of a file by its name below the folder (`synapse/notes/1.150.0.yaml`); undefined if it does not exist. */
	text: (name: string) => string | undefined;
	/** The names of the files directly in `below` (`synapse/notes/`), ascending; empty if it does not exist. */
	names: (below: string) => string[];
};

/** `url` ends in a slash. */
export function folderAt(url: URL): Folder {
	return {
		text(name) {
			const file = new URL(name, url);
			return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
		},
		names(below) {
			const where = new URL(below, url);
			return existsSync(where) ? readdirSync(where).sort() : [];
		},
	};
}

/** `texts` by name below the folder. */
export function folderIn(texts: ReadonlyMap<string, string>): Folder {
	return {
		text: name => texts.get(name),
		names(below) {
			const inside = [...texts.keys()].filter(name => name.startsWith(below)).map(name => name.slice(below.length));
			return inside.filter(name => !name.includes('/')).sort();
		},
	};
}

/** A hash of the names and contents of these files. `url` ends in a slash. */
export function hashOf(url: URL, names: readonly string[]): string {
	const hash = createHash('sha256');
	for (const name of names)
		hash
			.update(name)
			.update('\0')
			.update(readFileSync(new URL(name, url)))
			.update('\0');
	return hash.digest('hex');
}

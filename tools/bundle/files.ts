// The knowledge files in a bundle: everything that an edition is read from.
import { readdirSync, readFileSync } from 'node:fs';

/** The files by name in `folder`, which ends in a slash. Leaves out compiled files and editor schemas. */
export function bundledFiles(folder: URL): Map<string, string> {
	const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
		.map(name => name.replaceAll('\\', '/'))
		.filter(name => /\.(yaml|json)$/.test(name) && !/^schema\/|(^|\/)compiled\.json$/.test(name));
	return new Map(names.sort().map(name => [name, readFileSync(new URL(name, folder), 'utf8')]));
}

// Which files of the knowledge a bundle has: all that an edition is read from.
import { readdirSync, readFileSync } from 'node:fs';

/** By their names below `folder`, which ends in a slash; what is made from other files is left out. */
export function bundledFiles(folder: URL): Map<string, string> {
	const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
		.map(name => name.replaceAll('\\', '/'))
		.filter(name => /\.(yaml|json)$/.test(name) && !/^schema\/|(^|\/)compiled\.json$/.test(name));
	return new Map(names.sort().map(name => [name, readFileSync(new URL(name, folder), 'utf8')]));
}

// Versions of Glia itself, which follow semver: finds the newest one announced.
import { gt, rsort, valid } from 'semver';

/**
 * The newest stable version in an announcement: a GitHub list of releases, a single release, or `{ "version":
 * "1.2.3" }`. Undefined if it contains none.
 */
export function newestEdition(text: string): string | undefined {
	let said: unknown;
	try {
		said = JSON.parse(text);
	} catch {
		return undefined;
	}
	const entries = (Array.isArray(said) ? said : [said]).slice(0, 1000);
	const versions = entries.flatMap(entry => {
		const { tag_name: tag, version, draft, prerelease } = Object(entry) as Record<string, unknown>;
		const written = tag ?? version;
		const read = typeof written === 'string' && draft !== true && prerelease !== true ? valid(written) : null;
		return read === null || read.includes('-') ? [] : [read];
	});
	return rsort(versions)[0];
}

export function isNewerEdition(version: string, than: string): boolean {
	return valid(than) !== null && gt(version, than);
}

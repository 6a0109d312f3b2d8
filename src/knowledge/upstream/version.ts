// Versions as upstream writes them in tags and headings, read as Glia writes them.
import { isVersion, type Version } from '../../advice/version.ts';

/** `v0.19.0-rc4` → `0.19.0rc4`, `v1.0` → `1.0.0`; undefined for tags and words that are no release. */
export function versionOf(written: string): Version | undefined {
	const text = written
		.replace(/^v/, '')
		.replace(/-rc(?=\d)/, 'rc')
		.replace(/^(\d+\.\d+)(?=$|rc)/, '$1.0');
	return isVersion(text) ? text : undefined;
}

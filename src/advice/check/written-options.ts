// Every option in a configuration, by its path as a release would know it.
import type { Configuration } from '../../configuration/files.ts';
import type { Options } from '../../configuration/options.ts';
import { optionAt } from '../../configuration/options.ts';
import { parsePath, type Segment, writePath } from '../../configuration/path.ts';
import type { MappingEntry, Place, Value } from '../../configuration/yaml.ts';
import type { Version } from '../../deployment/version.ts';

/** `path` is that of the option table: `[]` for list elements, `*` for members of mappings with user-defined names. */
export type WrittenOption = { path: string; key: string; parent: string; value: Value } & Place;

/** Mappings whose members belong to the administrator, a module or a library: Synapse does not know what is in them. */
const opaque = [
	/(^|\.)config$/,
	/(^|\.)sp_config$/,
	/(^|\.)jaeger_config$/,
	/^database\.args$/,
	/^databases\.\*\.args$/,
	/(^|\.)additional_resources$/,
	/(^|\.)verify_keys$/,
	/^old_signing_keys$/,
	/(^|\.)required_attributes$/,
	/(^|\.)headers$/,
	/^extra_well_known_client_content$/,
	/^default_power_level_content_override$/,
	/(^|\.)additional_authorization_parameters$/,
	/(^|\.)jwt_header$/,
	/(^|\.)jwt_payload$/,
	/^experimental_features\.msc3861\.(jwk|issuer_metadata)$/,
	/^user_consent\.server_notice_content$/,
	/^server_notices\.content$/,
];

export function isOpaque(path: string): boolean {
	return opaque.some(pattern => pattern.test(path));
}

/** A name that an option of Synapse could have; anything else may be a secret that slipped to the left of a colon. */
const optionName = /^(?!(?:\D*\d){6})[A-Za-z][a-z0-9]{0,15}([_-][a-z0-9]{1,16}){0,12}$/;

/** A path that answers can show: `*` replaces user-defined names, and names that no option could have. */
export function nameable(path: string, options: Options): string {
	if (options.byPath.has(path)) return path;
	const shown: Segment[] = [];
	for (const segment of parsePath(path) ?? []) {
		if (isOpaque(writePath(shown))) return `${writePath(shown)}.*`;
		const own = memberOf(shown, segment, options);
		const isKnown = own === '[]' || own === '*' || options.byPath.has(writePath([...shown, own]));
		shown.push(isKnown || optionName.test(own) ? own : '*');
	}
	return shown.length ? writePath(shown) : '*';
}

/**
 * The options in the shared files and in the workers' own, each place once. Stops below unknown and opaque
 * sections, so that one unknown section is one finding.
 */
export function optionsIn(configuration: Configuration, options: Options, release: Version): WrittenOption[] {
	const found = new Map<string, WrittenOption>();
	for (const { part, value } of configuration.processes) {
		if (part === 'log-config' || value.kind !== 'mapping') continue;
		for (const written of below(value.entries, [], options, release))
			found.set(`${written.file} ${written.line} ${written.column} ${written.path}`, written);
	}
	return [...found.values()].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
}

function below(
	entries: readonly MappingEntry[],
	parents: readonly Segment[],
	options: Options,
	release: Version,
): WrittenOption[] {
	return entries.flatMap(({ key, value, file, line, column }): WrittenOption[] => {
		const segments = [...parents, memberOf(parents, key, options)];
		const path = writePath(segments);
		const own: WrittenOption = { path, key, parent: writePath(parents), value, file, line, column };
		if (isOpaque(path) || !hasChildren(path, options, release)) return [own];
		if (value.kind === 'mapping') return [own, ...below(value.entries, segments, options, release)];
		if (value.kind !== 'list') return [own];
		const inner = value.items.flatMap(item =>
			item.kind === 'mapping' ? below(item.entries, [...segments, '[]'], options, release) : [],
		);
		return [own, ...inner];
	});
}

/** A member of a mapping with user-defined names is `*`. */
function memberOf(parents: readonly Segment[], key: string, options: Options): Segment {
	const path = writePath([...parents, key]);
	if (options.byPath.has(path)) return key;
	const prefix = `${writePath([...parents, '*'])}`;
	for (const known of options.byPath.keys()) if (known.startsWith(`${prefix}.`)) return '*';
	return key;
}

function hasChildren(path: string, options: Options, release: Version): boolean {
	for (const known of options.byPath.keys())
		if ((known.startsWith(`${path}.`) || known.startsWith(`${path}[]`)) && optionAt(options, known, release))
			return true;
	return false;
}

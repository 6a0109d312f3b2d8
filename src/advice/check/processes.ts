// Which process of a deployment listens at an address, according to the listeners in the given files.
import { select } from '../../configuration/condition.ts';
import type { Configuration, Process } from '../../configuration/files.ts';
import type { Value } from '../../configuration/yaml.ts';

/** `undefined`: unknown. */
export type ProcessRole = {
	isMain: boolean;
	name: string | undefined;
	/** `generic_worker`, `media_repository`; undefined for a process whose file was not given. */
	app: string | undefined;
	resources: ReadonlySet<string> | undefined;
};

export type Processes = {
	/** Whether both the main and the workers' files were given: without them, addresses mean nothing. */
	whole: boolean;
	/** The process that listens at `host:port` or `unix:/path`. */
	of: (address: string) => ProcessRole | undefined;
	/** The names of the processes that write a stream; undefined if the files do not say. */
	writers: (stream: string) => readonly string[] | undefined;
	/** Whether a worker handles media instead of the main process. */
	hasMediaWorker: boolean;
};

type ListeningPlace = { key: string; host: string | undefined; role: ProcessRole };

export function processesOf(configuration: Configuration): Processes {
	const places = configuration.processes.flatMap(role => placesOf(role, configuration));
	const isMediaOff = select('enable_media_repo', 'main', configuration, undefined).matches.some(
		({ value }) => value.kind === 'boolean' && !value.value,
	);
	return {
		whole: configuration.has.worker && configuration.has.main,
		of: address => {
			const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
			const found = places.filter(({ key }) => key === (address.startsWith('unix:') ? address : port));
			const own = found.find(place => place.host !== undefined && place.host === host);
			return own?.role ?? (found.length === 1 ? found[0]?.role : undefined);
		},
		writers: stream => writersOf(stream, configuration),
		hasMediaWorker: isMediaOff && places.some(({ role }) => !role.isMain && role.resources?.has('media')),
	};
}

/** A worker's name is often its host name, and `instance_map` says where to find it. */
function placesOf({ part, name, value }: Process, configuration: Configuration): ListeningPlace[] {
	if (part === 'log-config') return [];
	const isMain = part === 'main';
	const app = textAt(value, 'worker_app')?.replace(/^synapse\.app\./, '');
	const listeners = memberOf(value, isMain ? 'listeners' : 'worker_listeners');
	if (listeners?.kind !== 'list') return [];
	const host = select(`instance_map.${/^[\w-]+$/.test(name) ? name : 'x'}.host`, 'main', configuration, undefined)
		.matches[0]?.value;
	const from = host?.kind === 'string' && !/^(localhost|127\.|::1)/.test(host.value) ? host.value : name;
	return listeners.items.flatMap((listener): ListeningPlace[] => {
		const port = memberOf(listener, 'port');
		const path = textAt(listener, 'path');
		const key = path === undefined ? (port?.kind === 'number' ? String(port.value) : undefined) : `unix:${path}`;
		if (key === undefined || (textAt(listener, 'type') ?? 'http') !== 'http') return [];
		return [
			{
				key,
				host: from,
				role: {
					isMain,
					name: isMain ? undefined : name,
					app: isMain ? undefined : (app ?? 'generic_worker'),
					resources: resourcesOf(listener),
				},
			},
		];
	});
}

function resourcesOf(listener: Value): ReadonlySet<string> | undefined {
	const resources = memberOf(listener, 'resources');
	if (resources?.kind !== 'list') return undefined;
	const names = resources.items.flatMap(item => {
		const own = memberOf(item, 'names');
		return own?.kind === 'list' ? own.items : own ? [own] : [];
	});
	if (names.some(({ kind }) => kind !== 'string')) return undefined;
	return new Set(names.flatMap(name => (name.kind === 'string' ? [name.value] : [])));
}

function writersOf(stream: string, configuration: Configuration): readonly string[] | undefined {
	if (!configuration.has.main) return undefined;
	const { matches, unsure } = select(`stream_writers.${stream}`, 'main', configuration, undefined);
	const [match] = matches;
	if (!match) return unsure ? undefined : [];
	const values = match.value.kind === 'list' ? match.value.items : [match.value];
	return values.every(({ kind }) => kind === 'string')
		? values.flatMap(value => (value.kind === 'string' ? [value.value] : []))
		: undefined;
}

function memberOf(value: Value, key: string): Value | undefined {
	return value.kind === 'mapping' ? value.entries.find(entry => entry.key === key)?.value : undefined;
}

function textAt(value: Value, key: string): string | undefined {
	const member = memberOf(value, key);
	return member?.kind === 'string' ? member.value : undefined;
}
